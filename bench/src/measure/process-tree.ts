import type { ProcStat } from './proc-stat.js'

/** A process and all below it; empty when it is not among them. */
export function treeOf(root: number, processes: readonly ProcStat[]): ProcStat[] {
  const tree = processes.filter(({ pid }) => pid === root)
  // The list grows while it is walked: children of children are found as well.
  for (const { pid } of tree) tree.push(...processes.filter(({ parent }) => parent === pid))
  return tree
}

/**
 * CPU seconds that a process and everything below it have used. A child that ends moves its time to its parent: nothing
 * is lost between two readings, which matters for Postgres and its short-lived workers.
 */
export function treeCpuSeconds(tree: readonly ProcStat[]): number {
  return tree.reduce((sum, { cpuSeconds, endedChildrenCpuSeconds }) => sum + cpuSeconds + endedChildrenCpuSeconds, 0)
}
