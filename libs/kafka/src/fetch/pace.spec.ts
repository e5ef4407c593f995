import { describe, expect, it } from 'vitest'
import { Pace, paceMs } from './pace.js'

describe('the pace of fetches', () => {
  it('is quick while the process has time, and slower the less it has', () => {
    expect([0, 0.3, 0.65, 1].map(paceMs).map(Math.round)).toEqual([4, 4, 12, 20])
  })

  it('follows how busy this process is', () => {
    const pace = new Pace()
    expect(pace.ms(performance.now())).toBe(4)
    const until = performance.now() + 300
    while (performance.now() < until);
    expect(pace.ms(performance.now())).toBeGreaterThan(10)
  })
})
