import { describe, expect, it } from 'vitest'
import { RateLimit } from './rate-limit.js'

const POLICY = { name: 'key', quota: 100, windowSeconds: 1 }

function allowed(limit: RateLimit, caller: string, requests: number, now: number): number {
  return Array.from({ length: requests }, () => limit.ask(caller, now)).filter(({ isAllowed }) => isAllowed).length
}

describe('a rate limit', () => {
  it('lets the quota through, refuses the next and says when to come again', () => {
    const limit = new RateLimit(POLICY, 10)
    expect(limit.ask('a', 0)).toEqual({ isAllowed: true, remaining: 99, resetSeconds: 1, retryAfterSeconds: 1 })
    expect(allowed(limit, 'a', 99, 0)).toBe(99)
    expect(limit.ask('a', 0)).toEqual({ isAllowed: false, remaining: 0, resetSeconds: 1, retryAfterSeconds: 1 })
  })

  it('gives back what the rate allows, and a refused request costs nothing', () => {
    const limit = new RateLimit(POLICY, 10)
    allowed(limit, 'a', 1_000, 0)
    expect(allowed(limit, 'a', 1_000, 500)).toBe(50)
    expect(allowed(limit, 'a', 1_000, 10_000)).toBe(100)
  })

  it('spreads the quota over a longer window', () => {
    const limit = new RateLimit({ name: 'slow', quota: 60, windowSeconds: 60 }, 10)
    expect(allowed(limit, 'a', 100, 0)).toBe(60)
    expect(limit.ask('a', 0)).toMatchObject({ isAllowed: false, resetSeconds: 60, retryAfterSeconds: 1 })
    expect(allowed(limit, 'a', 100, 10_000)).toBe(10)
  })

  it('counts each caller alone', () => {
    const limit = new RateLimit(POLICY, 10)
    allowed(limit, 'a', 100, 0)
    expect(limit.ask('b', 0).isAllowed).toBe(true)
    expect(limit.ask('a', 0).isAllowed).toBe(false)
  })

  it('remembers no more callers than it may, and forgets first who was away for longest', () => {
    const limit = new RateLimit(POLICY, 100)
    allowed(limit, 'steady', 100, 0)
    for (let i = 0; i < 10_000; i++) {
      limit.ask(`stranger-${i}`, 0)
      expect(limit.ask('steady', 0).isAllowed).toBe(false)
    }
    expect(limit.callers).toBe(100)
  })
})
