import { readFile, readdir } from 'node:fs/promises'
import { parseProcStat, type ProcStat } from './proc-stat.js'
import { treeCpuSeconds, treeOf } from './process-tree.js'

/** The processes that are measured, by the names of the report. */
export const measured = ['api', 'fanout', 'dispatcher', 'broker', 'postgres'] as const
export type Measured = (typeof measured)[number]
/** Those that run: a scenario may do without some services. */
export type Pids = Partial<Record<Measured, number>>
export type Usage = Record<Measured | 'bench', number>

/**
 * CPU seconds since their start, backends and other children included; of this process, the generator and the receiver,
 * only its own. One file after the other: to read all at once would hold up the load for 10 ms.
 */
export async function cpuSeconds(pids: Pids): Promise<Usage> {
  const processes = await readProcesses()
  const own = process.cpuUsage()
  return forEach(pids, (pid) => treeCpuSeconds(treeOf(pid, processes)), (own.user + own.system) / 1e6)
}

export function difference(after: Usage, before: Usage): Usage {
  return Object.fromEntries(
    Object.entries(after).map(([name, value]) => [name, value - before[name as Measured]]),
  ) as Usage
}

/**
 * Resident bytes. Of Postgres its processes' shares (PSS) are added up, for they all map the same shared buffers;
 * of the others it is RSS.
 */
export async function residentBytes(pids: Pids): Promise<Usage> {
  const processes = await readProcesses()
  const usage = forEach(pids, () => 0, process.memoryUsage.rss())
  for (const [name, pid] of Object.entries(pids) as [Measured, number][]) {
    const kind = name === 'postgres' ? 'Pss' : 'Rss'
    for (const { pid: member } of treeOf(pid, processes)) usage[name] += await readBytes(member, kind)
  }
  return usage
}

function forEach(pids: Pids, read: (pid: number) => number, bench: number): Usage {
  const values = measured.map((name) => [name, pids[name] === undefined ? 0 : read(pids[name])])
  return { ...(Object.fromEntries(values) as Record<Measured, number>), bench }
}

async function readProcesses(): Promise<ProcStat[]> {
  const processes: ProcStat[] = []
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue
    const text = await readIfThere(`/proc/${pid}/stat`)
    if (text) processes.push(parseProcStat(text))
  }
  return processes
}

async function readBytes(pid: number, kind: 'Rss' | 'Pss'): Promise<number> {
  const text = await readIfThere(`/proc/${pid}/smaps_rollup`)
  return Number(new RegExp(`^${kind}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0) * 1024
}

// A process may end between its listing and its reading.
async function readIfThere(file: string): Promise<string> {
  try {
    return await readFile(file, 'latin1')
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) return ''
    throw error
  }
}
