import { readFileSync } from 'node:fs'
import { processIdentity } from './process-identity.js'

export interface KnownProcess {
  pid: number
  identity: string
}

/**
 * The `npm` that runs this script: our parent, or its parent where the shell between us did not give way. Undefined when
 * nobody but the user's shell is above us, and where /proc cannot tell.
 */
export function npmAbove(): KnownProcess | undefined {
  if (!process.env.npm_lifecycle_event || process.platform !== 'linux') return undefined
  const pid = nameOf(process.ppid).startsWith('npm') ? process.ppid : parentOf(process.ppid)
  const identity = processIdentity(pid)
  return identity === undefined ? undefined : { pid, identity }
}

/** Whether it still runs, and is no other process of the same number. */
export function stillRuns({ pid, identity }: KnownProcess): boolean {
  return processIdentity(pid) === identity
}

function nameOf(pid: number): string {
  return readFileSync(`/proc/${pid}/comm`, 'utf8')
}

function parentOf(pid: number): number {
  return Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
}
