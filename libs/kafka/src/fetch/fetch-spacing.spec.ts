import { describe, expect, it } from 'vitest'
import { FetchSpacing } from './fetch-spacing.js'

/** When fetches are sent that each bring what came, with records at these times; a fetch waits for the next record. */
function fetchedAt(arrivals: number[], everyMs: number): number[] {
  const spacing = new FetchSpacing()
  const answered: number[] = []
  let now = 0
  for (let next = 0; next < arrivals.length;) {
    const sentAt = (now += spacing.waitMs(now))
    now = Math.max(now, arrivals[next]!)
    while (arrivals[next]! <= now) next++
    spacing.noteRecords(sentAt, everyMs)
    answered.push(now)
  }
  return answered
}

describe('the spacing of fetches', () => {
  it('lets a quiet reader have each record as it comes, also when some come close together', () => {
    const arrivals = [0, 10, 11, 12, 30, 31, 50]
    expect(fetchedAt(arrivals, 4)).toEqual(arrivals)
  })

  it('gathers what comes faster than the pace', () => {
    const everyMs = 4
    const arrivals = Array.from({ length: 1_000 }, (_, n) => n)
    const fetches = fetchedAt(arrivals, everyMs)
    expect(fetches.length).toBeGreaterThanOrEqual(arrivals.length / everyMs)
    expect(fetches.length).toBeLessThanOrEqual(arrivals.length / everyMs + 3)
  })

  it('saves nothing up while it waits for records', () => {
    const late = Array.from({ length: 400 }, (_, n) => 10_000 + n)
    expect(fetchedAt(late, 4).length).toBeLessThanOrEqual(100 + 4)
  })

  it('keeps a long pace as it is, but for those few ms', () => {
    const arrivals = Array.from({ length: 1_000 }, (_, n) => n)
    expect(fetchedAt(arrivals, 100).length).toBeLessThanOrEqual(10 + 2)
  })
})
