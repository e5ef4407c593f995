import { describe, expect, it } from 'vitest'
import { InFlightCap } from './in-flight-cap.js'

const roundsOfSuccess = (cap: InFlightCap, rounds: number, latencyMs: number, now = 0) => {
  for (let round = 0; round < rounds; round++) {
    for (let left = cap.limit; left > 0; left--) cap.succeeded(latencyMs, true, now)
  }
}

describe('the in-flight cap', () => {
  it('grows by one per round of successes while work waits', () => {
    const cap = new InFlightCap()
    roundsOfSuccess(cap, 3, 5)
    expect(cap.limit).toBe(19)
  })

  it('grows for a steady slow receiver as for a quick one', () => {
    const cap = new InFlightCap()
    roundsOfSuccess(cap, 200, 300)
    expect(cap.limit).toBe(128)
  })

  it('does not grow while nothing waits', () => {
    const cap = new InFlightCap()
    for (let i = 0; i < 100; i++) cap.succeeded(5, false, 0)
    expect(cap.limit).toBe(16)
  })

  it('does not grow while latency is twice its recent best', () => {
    const cap = new InFlightCap()
    cap.succeeded(10, true, 0)
    for (let i = 0; i < 100; i++) cap.succeeded(20, true, 0)
    expect(cap.limit).toBe(16)
  })

  it('grows for a quick receiver that answered once within the millisecond', () => {
    const cap = new InFlightCap()
    cap.succeeded(0, true, 0)
    roundsOfSuccess(cap, 3, 5)
    expect(cap.limit).toBe(19)
  })

  it('takes a latency that lasts for the new normal within a minute', () => {
    const cap = new InFlightCap()
    cap.succeeded(10, true, 0)
    for (const now of [31_000, 62_000, 93_000]) cap.succeeded(300, true, now)
    roundsOfSuccess(cap, 1, 300, 93_000)
    expect(cap.limit).toBe(17)
  })

  it('halves once for all requests that were under way at an overload, and never below one', () => {
    const cap = new InFlightCap()
    for (let i = 0; i < 16; i++) cap.overloaded(0, 5_000)
    expect(cap.limit).toBe(8)
    for (const at of [5_001, 10_002, 15_003, 20_004, 25_005]) cap.overloaded(at, at + 1)
    expect(cap.limit).toBe(1)
  })
})
