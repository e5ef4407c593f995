import { describe, expect, it } from 'vitest'
import { TokenBucket } from './token-bucket.js'

/** Takes whatever may go, whenever something may, and answers how many went in `ms`. */
function takenWithin(bucket: TokenBucket, ms: number): number {
  let taken = 0
  for (let now = 0; now < ms; now += Math.max(1, bucket.waitMs(1, now))) taken += bucket.take(1_000, now)
  return taken
}

describe('a token bucket', () => {
  it('lets through its rate and, in the beginning, one bucket more', () => {
    expect(takenWithin(new TokenBucket(500, 50, 0), 10_000)).toBeGreaterThanOrEqual(5_000)
    expect(takenWithin(new TokenBucket(500, 50, 0), 10_000)).toBeLessThanOrEqual(5_050)
  })

  it('keeps a rate of less than one in the time between two looks', () => {
    const bucket = new TokenBucket(1, 1, 0)
    expect(bucket.take(1, 0)).toBe(1)
    expect(bucket.take(1, 999)).toBe(0)
    expect(bucket.waitMs(1, 999)).toBe(1)
    expect(bucket.take(1, 1_000)).toBe(1)
  })

  it('does not make up for a pause', () => {
    const bucket = new TokenBucket(100, 10, 0)
    expect(bucket.take(1_000, 3_600_000)).toBe(10)
  })

  it('waits for no more than a full bucket', () => {
    const bucket = new TokenBucket(100, 10, 0)
    bucket.take(10, 0)
    expect(bucket.waitMs(500, 0)).toBe(100)
  })

  it('stands still while the clock is set back', () => {
    const bucket = new TokenBucket(100, 10, 10_000)
    bucket.take(10, 10_000)
    expect(bucket.take(10, 5_000)).toBe(0)
    expect(bucket.take(10, 5_100)).toBe(10)
  })
})
