import { spawnSync } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'

interface ProcessLine {
  pid: number
  parent: number
  /** The kernel's letter: `T` while stopped by SIGSTOP, `Z` for a zombie. */
  state: string
}

/** The kernel's letter for a process, `T` while it is stopped by SIGSTOP; undefined when there is none. */
export function processState(pid: number): string | undefined {
  return processTable().find((line) => line.pid === pid)?.state
}

/** The process and all that descend from it: Postgres's backends lead groups of their own. */
export function processTree(pid: number): number[] {
  const table = processTable()
  const tree = [pid]
  // Grows while it is walked: children of children follow.
  for (const ancestor of tree) {
    for (const child of table) if (child.parent === ancestor) tree.push(child.pid)
  }
  return tree
}

function processTable(): ProcessLine[] {
  if (process.platform === 'linux') return readdirSync('/proc').flatMap((name) => lineOf(name) ?? [])
  const { stdout } = spawnSync('ps', ['-axo', 'pid=,ppid=,state='], { encoding: 'utf8' })
  return stdout.split('\n').flatMap((text) => {
    const [pid, parent, state] = text.trim().split(/\s+/)
    return state ? [{ pid: Number(pid), parent: Number(parent), state: state.charAt(0) }] : []
  })
}

function lineOf(name: string): ProcessLine | undefined {
  if (!/^\d+$/.test(name)) return undefined
  try {
    const stat = readFileSync(`/proc/${name}/stat`, 'latin1')
    // After the name in parentheses, which may hold anything.
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return { pid: Number(name), parent: Number(parent), state: state ?? '' }
  } catch (error) {
    // It ended while the table was being read.
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}
