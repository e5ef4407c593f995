import { describe, expect, it } from 'vitest'
import type { AttemptOutcome } from './attempt.js'
import { type Streak, isDisableDue, isWarningDue, streakAfter } from './streak.js'

const HOUR = 3_600_000
const RULE = { afterAttempts: 10, afterMs: 6 * HOUR }
const ok: AttemptOutcome = { kind: 'succeeded', status: 200 }
const broken: AttemptOutcome = { kind: 'failed', reason: 'http_status', status: 500 }
const failing = (times: number[]) => times.reduce<Streak | null>((streak, at) => streakAfter(streak, broken, at), null)

describe('a streak', () => {
  it('counts failures since the last success', () => {
    expect(failing([5, 6, 7])).toEqual({ failures: 3, since: 5, lastFailureAt: 7 })
    expect(streakAfter(failing([5, 6]), ok, 8)).toBeNull()
    expect(streakAfter(streakAfter(failing([5, 6]), ok, 8), broken, 9)?.failures).toBe(1)
  })

  it('begins with the earliest attempt, in whatever order their ends are seen', () => {
    expect(failing([7, 5])?.since).toBe(5)
  })
})

describe('disabling', () => {
  const often = Array.from({ length: 10 }, (_, i) => i)

  it('needs ten failures and six hours, both', () => {
    expect(isDisableDue(failing(often), RULE, 6 * HOUR)).toBe(true)
    expect(isDisableDue(failing(often), RULE, 6 * HOUR - 1)).toBe(false)
    expect(isDisableDue(failing(often.slice(1)), RULE, 7 * HOUR)).toBe(false)
    expect(isDisableDue(null, RULE, 7 * HOUR)).toBe(false)
  })

  it('is announced at half time', () => {
    expect(isWarningDue(failing([0]), RULE, 3 * HOUR)).toBe(true)
    expect(isWarningDue(failing([0]), RULE, 3 * HOUR - 1)).toBe(false)
  })
})
