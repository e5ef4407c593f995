import { expect, it } from 'vitest'
import { MemoryBound } from './memory-bound.js'

const MOST = { records: 10, bytes: 1_000 }

function aBound() {
  const changes: boolean[] = []
  const bound = new MemoryBound(MOST)
  bound.onChange((full) => changes.push(full))
  return { bound, changes }
}

it.each([
  ['records', MOST.records, 1],
  ['bytes', 4, MOST.bytes / 4],
])('is full at its limit of %s and stays so down to half, which it tells once each time', (_, count, bytes) => {
  const { bound, changes } = aBound()
  for (let i = 1; i < count; i++) bound.add(bytes)
  expect([bound.isFull, changes]).toEqual([false, []])
  bound.add(bytes)
  bound.add(bytes)
  expect([bound.isFull, changes]).toEqual([true, [true]])
  for (let left = count; left > count / 2; left--) bound.remove(bytes)
  expect([bound.isFull, changes]).toEqual([true, [true]])
  bound.remove(bytes)
  expect([bound.isFull, changes]).toEqual([false, [true, false]])
})

it('is as full as it is by records or by bytes, whichever is more, and would be less so without some', () => {
  const { bound } = aBound()
  for (let i = 0; i < 4; i++) bound.add(50)
  expect(bound.share).toBe(4 / MOST.records)
  bound.add(400)
  expect([bound.records, bound.bytes, bound.share]).toEqual([5, 600, 600 / MOST.bytes])
  expect(bound.shareWithout({ records: 1, bytes: 400 })).toBe(4 / MOST.records)
  expect(bound.shareWithout({ records: 4, bytes: 200 })).toBe(400 / MOST.bytes)
})

it('tells what it would be full without, which is less once it is full', () => {
  const { bound } = aBound()
  for (let i = 0; i < 9; i++) bound.add(0)
  expect(bound.isFullWithout({ records: 0, bytes: 0 })).toBe(false)
  bound.add(0)
  expect(bound.isFullWithout({ records: 4, bytes: 0 })).toBe(true)
  expect(bound.isFullWithout({ records: 5, bytes: 0 })).toBe(false)
})
