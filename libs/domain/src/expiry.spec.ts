import { describe, expect, it } from 'vitest'
import { isExpired } from './expiry.js'

const DAY = 86_400_000
const waiting = { chainStartedAt: 1_000, deferredSince: 2_000 }
const watching = { watchedSince: 0, lastSuccessAt: -Infinity }

describe('a delivery that was put off', () => {
  it('expires when its age is exceeded and the lane had no success since', () => {
    expect(isExpired(waiting, watching, DAY, 1_000 + DAY)).toBe(false)
    expect(isExpired(waiting, watching, DAY, 1_001 + DAY)).toBe(true)
  })

  it('never expires while the lane works off a backlog', () => {
    expect(isExpired(waiting, { watchedSince: 0, lastSuccessAt: 2_000 }, DAY, 10 * DAY)).toBe(false)
  })

  it('expires for a lane whose last success was before', () => {
    expect(isExpired(waiting, { watchedSince: 0, lastSuccessAt: 1_999 }, DAY, 10 * DAY)).toBe(true)
  })

  it('does not expire by time that nobody watched', () => {
    const back = 5 * DAY
    expect(isExpired(waiting, { watchedSince: back, lastSuccessAt: -Infinity }, DAY, back + DAY)).toBe(false)
    expect(isExpired(waiting, { watchedSince: back, lastSuccessAt: -Infinity }, DAY, back + DAY + 1)).toBe(true)
  })

  it('is needed: one that was never put off does not expire', () => {
    expect(isExpired({ chainStartedAt: 1_000, deferredSince: null }, watching, DAY, 10 * DAY)).toBe(false)
  })
})
