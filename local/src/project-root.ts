import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The folder with package.json, from sources and from `dist` alike: only there lies `local/pom.xml`. */
export function projectRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'local', 'pom.xml'))) {
    const parent = dirname(folder)
    if (parent === folder) throw new Error('no local/pom.xml above this file: the project folder is incomplete')
    folder = parent
  }
  return folder
}
