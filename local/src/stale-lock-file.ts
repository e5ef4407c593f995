import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { processIdentity } from './process-identity.js'

// Beyond every system's largest process number.
const nobodysPid = 2_147_483_646

/**
 * A killed Postgres whose parent has died as well may stay a zombie for a while, for ever where the first process of a
 * container reaps nobody, and Postgres takes a zombie for a running server. The lock file then names a process that
 * cannot exist; its other lines stay, by which Postgres sees whether a backend still holds the shared memory.
 */
export async function disownDeadServer(lockFile: string): Promise<void> {
  if (!existsSync(lockFile)) return
  const [pid = '', ...rest] = (await readFile(lockFile, 'utf8')).split('\n')
  if (processIdentity(Number(pid)) === undefined) await writeFile(lockFile, [nobodysPid, ...rest].join('\n'))
}
