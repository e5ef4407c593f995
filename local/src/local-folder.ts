import { existsSync } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { removeWithUs } from './process-guard.js'
import { projectRoot } from './project-root.js'

/** Everything that a local stack leaves on disk: one folder, which git does not see. */
export interface LocalFolder {
  root: string
  /** For scripts, only while a stack is ready. */
  stackFile: string
  /** Keys and ports, so that a later start is the same. */
  stateFile: string
  /** Which `npm start` runs, and its children. */
  runFile: string
  authoritiesFile: string
  kafkaData: string
  postgresData: string
  logs: string
  mail: string
}

export function localFolder(root = join(projectRoot(), '.local')): LocalFolder {
  return {
    root,
    stackFile: join(root, 'stack.json'),
    stateFile: join(root, 'state.json'),
    runFile: join(root, 'run.json'),
    authoritiesFile: join(root, 'authorities.pem'),
    kafkaData: join(root, 'data', 'kafka'),
    postgresData: join(root, 'data', 'postgres'),
    logs: join(root, 'logs'),
    mail: join(root, 'mail'),
  }
}

/** Back to the first day; only for the process that holds the run file. */
export async function resetFolder(folder: LocalFolder): Promise<void> {
  const all = [join(folder.root, 'data'), folder.stateFile, folder.authoritiesFile, folder.logs, folder.mail]
  for (const path of all) await rm(path, { recursive: true, force: true })
}

/**
 * Makes what is missing and begins new log files; those of the start before are kept as `*.log.1`. The stack file that is
 * to come will not outlive this process.
 */
export async function prepareFolder(folder: LocalFolder): Promise<void> {
  removeWithUs(folder.stackFile)
  await mkdir(folder.logs, { recursive: true })
  for (const name of await readdir(folder.logs)) {
    const file = join(folder.logs, name)
    if (name.endsWith('.log') && existsSync(file)) await rename(file, `${file}.1`)
  }
}
