import { describe, expect, it } from 'vitest'
import { FetchTurns, Pace, paceMs } from './pace.js'

describe('the pace of fetches', () => {
  it('is quick while the process has time, and slower the less it has', () => {
    expect([0, 0.3, 0.65, 1].map((utilization) => paceMs(utilization, 1_000)).map(Math.round)).toEqual([4, 4, 8, 20])
  })

  it('waits for nothing where it would gather nothing', () => {
    expect([0, 370, 380].map((perSecond) => paceMs(0, perSecond))).toEqual([0, 0, 4])
    expect(paceMs(0.65, 180)).toBe(0)
    expect(paceMs(1, 80)).toBe(20)
  })

  it('follows how busy this process is, and how much comes', () => {
    const pace = new Pace()
    const busy = (): void => {
      const until = performance.now() + 300
      while (performance.now() < until);
    }
    expect(pace.ms(performance.now())).toBe(4)
    pace.noteRecords(300)
    busy()
    expect(pace.ms(performance.now())).toBeGreaterThan(10)
    pace.noteRecords(3)
    busy()
    expect(pace.ms(performance.now())).toBe(0)
  })
})

describe('the turns of fetches', () => {
  /** When fetches went whose records came at these times, each fetch as soon as there is a record and its turn. */
  function fetchesOf(recordsAt: readonly number[], paceMs: number, isExact = false): number[] {
    const turns = new FetchTurns()
    const fetchedAt: number[] = []
    let now = 0
    for (const recordAt of recordsAt) {
      if (recordAt <= now && fetchedAt.length > 0) continue
      now = Math.max(recordAt, now + turns.waitMs(now, isExact))
      turns.noteRecords(now, paceMs)
      fetchedAt.push(now)
    }
    return fetchedAt
  }

  it('do not hold up a record that comes right after another', () => {
    expect(fetchesOf([100, 101, 125, 126, 127], 4)).toEqual([100, 101, 125, 126, 127])
  })

  it('keep the pace on average, however close the records are', () => {
    const everyMs = Array.from({ length: 1_000 }, (_, index) => 1 + index)
    const fetches = fetchesOf(everyMs, 4)
    expect(fetches.length).toBeGreaterThan(245)
    expect(fetches.length).toBeLessThan(255)
    expect(fetches.slice(0, 5)).toEqual([1, 2, 3, 5, 9])
  })

  it('save nothing up in a long silence', () => {
    expect(fetchesOf([1, 10_000, 10_001, 10_002, 10_003, 10_004, 10_005], 4)).toEqual([
      1, 10_000, 10_001, 10_002, 10_004, 10_008,
    ])
  })

  it('are exact for a consumer with a spacing of its own', () => {
    expect(fetchesOf([100, 101, 210, 300, 305, 401], 100, true)).toEqual([100, 200, 300, 400, 500])
  })
})
