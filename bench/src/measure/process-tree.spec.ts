import { expect, it } from 'vitest'
import { parseProcStat } from './proc-stat.js'
import { treeCpuSeconds, treeOf } from './process-tree.js'

const line = (pid: number, name: string, parent: number, [user, system, childUser, childSystem]: number[]) =>
  `${pid} (${name}) S ${parent} 9 9 0 -1 4194560 100 200 0 0 ${user} ${system} ${childUser} ${childSystem} 20 0 11 0 5555 1 2 3\n`

it('reads CPU times behind any process name', () => {
  expect(parseProcStat(line(42, 'odd) S 1 (name', 7, [150, 50, 20, 5]))).toEqual({
    pid: 42,
    parent: 7,
    cpuSeconds: 2,
    endedChildrenCpuSeconds: 0.25,
  })
})

it('refuses other text', () => {
  expect(() => parseProcStat('')).toThrow('not a line')
})

it('adds up a server, its backends and those that have ended', () => {
  const processes = [
    line(10, 'postgres', 1, [100, 0, 300, 0]),
    line(11, 'postgres', 10, [200, 0, 0, 0]),
    line(12, 'child of child', 11, [50, 50, 0, 0]),
    line(20, 'other', 1, [999, 0, 0, 0]),
  ].map(parseProcStat)
  const tree = treeOf(10, processes)
  expect(tree.map(({ pid }) => pid)).toEqual([10, 11, 12])
  expect(treeCpuSeconds(tree)).toBe(7)
  expect(treeOf(99, processes)).toEqual([])
})
