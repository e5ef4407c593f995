import fc from 'fast-check'
import { expect, it } from 'vitest'
import { DueHeap } from './due-heap.js'

const takeAll = (heap: DueHeap<number>, now: number) => {
  const taken: number[] = []
  for (let item = heap.takeDue(now); item !== undefined; item = heap.takeDue(now)) taken.push(item)
  return taken
}

it('gives everything that is due, earliest first, and nothing else', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1_000)), fc.nat(1_000), (times, now) => {
      const heap = new DueHeap<number>()
      for (const time of times) heap.add(time, time)
      const due = times.filter((time) => time <= now).sort((a, b) => a - b)
      expect(takeAll(heap, now)).toEqual(due)
      expect(heap.size).toBe(times.length - due.length)
    }),
  )
})

it('keeps its order when some are taken out', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1_000)), (times) => {
      const heap = new DueHeap<number>()
      for (const time of times) heap.add(time, time)
      const removed = heap.removeWhere((time) => time % 2 === 0)
      expect([...removed].sort((a, b) => a - b)).toEqual(times.filter((t) => t % 2 === 0).sort((a, b) => a - b))
      expect(takeAll(heap, 1_000)).toEqual(times.filter((t) => t % 2 === 1).sort((a, b) => a - b))
    }),
  )
})
