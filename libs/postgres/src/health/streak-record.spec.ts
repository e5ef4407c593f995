import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BLANK, type JudgedAttempt, type StreakRecord, afterAttempts, runningStreak } from './streak-record.js'

const failed = (startedAt: number, status = 500, isOfContext = true): JudgedAttempt => ({
  startedAt,
  isOfContext,
  failure: { reason: 'http_status', status },
})
const succeeded = (startedAt: number): JudgedAttempt => ({ startedAt, isOfContext: true, failure: null })
const after = (...attempts: JudgedAttempt[]) => afterAttempts(BLANK, attempts, 0)
const oneByOne = (attempts: JudgedAttempt[], from: StreakRecord = BLANK, judgedFrom = 0) =>
  attempts.reduce((record, attempt) => afterAttempts(record, [attempt], judgedFrom), from)

describe('the record of a webhook’s attempts', () => {
  it('counts the failures since the last success', () => {
    expect(after(failed(5), failed(6), failed(7))).toMatchObject({ failures: 3, failingSince: 5 })
    expect(after(failed(5), succeeded(6))).toMatchObject({ failures: 0, failingSince: null, lastSuccessAt: 6 })
    expect(after(failed(5), succeeded(6), failed(8, 503), failed(7))).toMatchObject({
      failures: 2,
      failingSince: 7,
      lastFailure: { at: 8, reason: 'http_status', status: 503 },
    })
  })

  it('goes by the order of starts, not by the order in which ends became known', () => {
    expect(oneByOne([succeeded(6), failed(5)])).toMatchObject({ failures: 0, failingSince: null })
    expect(oneByOne([failed(4), failed(8), failed(9), succeeded(7)])).toMatchObject({ failures: 2, failingSince: 8 })
  })

  it('is the same for the same attempts in any order and in any portions', () => {
    const attempt = fc
      .record({ at: fc.integer({ min: 0, max: 30 }), ok: fc.boolean(), isOfContext: fc.boolean() })
      .map(({ at, ok, isOfContext }) => (ok ? succeeded(at) : failed(at, 500, isOfContext)))
    fc.assert(
      fc.property(fc.array(attempt), fc.integer({ min: 0, max: 30 }), (attempts, judgedFrom) => {
        const atOnce = afterAttempts(BLANK, attempts, judgedFrom)
        expect(oneByOne(attempts, BLANK, judgedFrom)).toEqual(atOnce)
        expect(oneByOne(attempts.toReversed(), BLANK, judgedFrom)).toEqual(atOnce)
      }),
    )
  })

  it('knows when an event about a context failed last, whatever else failed since', () => {
    expect(after(failed(5, 500, false), failed(6), failed(9, 500, false)).lastContextFailureAt).toBe(6)
    expect(after(failed(5, 500, false)).lastContextFailureAt).toBeNull()
    expect(after(succeeded(7)).lastContextFailureAt).toBeNull()
  })

  it('begins anew with a new configuration, which failures from before cannot reach', () => {
    const before = after(failed(5), failed(6))
    expect(runningStreak(before, 0)).toEqual({ failures: 2, since: 5, lastFailureAt: 6 })
    expect(runningStreak(before, 10)).toBeNull()
    expect(afterAttempts(before, [failed(9)], 10)).toMatchObject({ failures: 0, failingSince: null })
    expect(afterAttempts(before, [failed(9), failed(11)], 10)).toMatchObject({ failures: 1, failingSince: 11 })
  })

  it('counts on when a streak is longer than what is remembered one by one', () => {
    const long = after(...Array.from({ length: 1_000 }, (_, i) => failed(i + 1)))
    expect(long).toMatchObject({ failures: 1_000, failingSince: 1 })
    expect(long.recentFailures.length).toBeLessThan(1_000)
    expect(afterAttempts(long, [failed(1_001)], 0)).toMatchObject({ failures: 1_001, failingSince: 1 })
    expect(afterAttempts(long, [succeeded(990)], 0)).toMatchObject({ failures: 10, failingSince: 991 })
    expect(afterAttempts(long, [succeeded(2_000)], 0)).toMatchObject({ failures: 0, failingSince: null })
  })
})
