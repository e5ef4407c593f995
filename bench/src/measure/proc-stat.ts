/** A process as `/proc/<pid>/stat` tells it. CPU times in seconds, of all its threads, user and system together. */
export interface ProcStat {
  pid: number
  parent: number
  cpuSeconds: number
  /** Of children that have ended and were waited for, theirs included. */
  endedChildrenCpuSeconds: number
}

// USER_HZ: a part of Linux's interface that is 100 everywhere, whatever the kernel's own timer is.
const ticksPerSecond = 100

/** @throws Error when the text is of another form */
export function parseProcStat(text: string): ProcStat {
  // The name in parentheses may hold anything, spaces and parentheses too. Behind it: state, parent, …
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const field = (number: number): number => Number(fields[number - 3])
  const stat = {
    pid: Number.parseInt(text, 10),
    parent: field(4),
    cpuSeconds: (field(14) + field(15)) / ticksPerSecond,
    endedChildrenCpuSeconds: (field(16) + field(17)) / ticksPerSecond,
  }
  if (Object.values(stat).some(Number.isNaN)) throw new Error(`not a line of /proc/<pid>/stat: ${text}`)
  return stat
}
