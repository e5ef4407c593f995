import { describe, expect, it } from 'vitest'
import { isOf, mergedByEvent } from './by-event.js'

const HOUR_MS = 3_600_000

/** Accepted so many hours after the beginning, and what was made one of them. */
interface Row {
  acceptedAt: number
  of: number[]
}
const at = (hour: number): Row => ({ acceptedAt: hour * HOUR_MS, of: [hour] })
const merge = (a: Row, b: Row): Row => ({
  acceptedAt: Math.min(a.acceptedAt, b.acceptedAt),
  of: [...a.of, ...b.of].sort((a, b) => a - b),
})
const merged = (...hours: number[]) => mergedByEvent(hours.map(at), merge).map(({ of }) => of)

describe('rows of one id', () => {
  it('are one event where all were accepted within a day', () => {
    expect(merged(0)).toEqual([[0]])
    expect(merged(24, 0, 13)).toEqual([[0, 13, 24]])
  })

  it('are one event within a day of the first, and another one from there on, in whatever order', () => {
    const expected = [[0, 20], [30, 40, 54], [100]]
    expect(merged(0, 20, 30, 40, 54, 100)).toEqual(expected)
    expect(merged(100, 40, 0, 54, 30, 20)).toEqual(expected)
  })

  it('are the same where an earlier portion was merged before', () => {
    const [first] = mergedByEvent([at(0), at(20)], merge)
    const rows = [at(40), first!, at(30)]
    expect(mergedByEvent(rows, merge).map(({ of }) => of)).toEqual([
      [0, 20],
      [30, 40],
    ])
  })
})

it('an acceptance is of the event that began less than a day before it', () => {
  const of = [-1, 0, 24, 25].map((hour) => isOf(at(0), hour * HOUR_MS))
  expect(of).toEqual([false, true, true, false])
})
