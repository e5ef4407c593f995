import { spawnSync } from 'node:child_process'
import { statSync } from 'node:fs'
import { dirname } from 'node:path'

/** How to start a program that refuses to run as root: `wrap` goes before the command, `owner` must own its data. */
export interface UnprivilegedUser {
  owner?: { uid: number; gid: number }
  wrap(command: string, args: readonly string[]): { command: string; args: string[]; uid?: number; gid?: number }
}

/**
 * Somebody who is not root and can reach `paths`. An ordinary user stays who they are. Root becomes `postgres` where the
 * system knows one, else `nobody`: no user is added. Where a folder above is closed to others, as /root is, and as
 * temporary folders are, that user keeps the one privilege to pass through (CAP_DAC_OVERRIDE, by util-linux's setpriv).
 *
 * @throws Error saying what to do instead when that is impossible
 */
export function unprivilegedUser(paths: readonly string[]): UnprivilegedUser {
  if (process.getuid?.() !== 0) return { wrap: (command, args) => ({ command, args: [...args] }) }
  const owner = userIds('postgres') ?? userIds('nobody')
  if (!owner) throw new Error('Postgres refuses to run as root, and there is no user `postgres` or `nobody` here')
  const closed = paths.find((path) => !isOpenToAll(path))
  if (closed === undefined) return { owner, wrap: (command, args) => ({ command, args: [...args], ...owner }) }

  const privilege = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override']
  const setpriv = [`--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--clear-groups', ...privilege]
  if (spawnSync('setpriv', [...setpriv, 'true'], { stdio: 'ignore' }).status !== 0) {
    throw new Error(
      `Postgres refuses to run as root, and other users cannot enter ${closed}. ` +
        'Run this as an ordinary user, move the project to a folder that all may enter, or set DATABASE_URL',
    )
  }
  return { owner, wrap: (command, args) => ({ command: 'setpriv', args: [...setpriv, command, ...args] }) }
}

function userIds(name: string): { uid: number; gid: number } | undefined {
  const ask = (flag: string): number => Number.parseInt(spawnSync('id', [flag, name], { encoding: 'utf8' }).stdout, 10)
  const [uid, gid] = [ask('-u'), ask('-g')]
  return Number.isInteger(uid) && Number.isInteger(gid) ? { uid, gid } : undefined
}

// Search permission for others on every folder above: only then does a path lead anywhere for them.
function isOpenToAll(path: string): boolean {
  const folder = dirname(path)
  if ((statSync(folder).mode & 0o001) === 0) return false
  return folder === dirname(folder) || isOpenToAll(folder)
}
