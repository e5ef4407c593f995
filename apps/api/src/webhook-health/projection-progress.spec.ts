import { expect, it } from 'vitest'
import { isPast } from './projection-progress.js'

const bounds = (partition: number, first: number, end: number) => ({ partition, first, end })
const committed = (partition: number, offset: number | undefined) => ({ topic: 'delivery-log', partition, offset })

it('is past when every partition that holds something was committed up to its end', () => {
  const ends = [bounds(0, 0, 10), bounds(1, 3, 7)]
  expect(isPast(ends, [committed(0, 10), committed(1, 9)])).toBe(true)
  expect(isPast(ends, [committed(0, 9), committed(1, 9)])).toBe(false)
  expect(isPast(ends, [committed(0, 10)])).toBe(false)
})

it('does not wait for partitions that hold nothing', () => {
  expect(isPast([bounds(0, 0, 0), bounds(1, 5, 5)], [committed(0, undefined)])).toBe(true)
  expect(isPast([bounds(0, 0, 1)], [committed(0, undefined)])).toBe(false)
})
