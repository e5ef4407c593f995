import { describe, expect, it } from 'vitest'
import { auditRange, momentOf } from './audit-range.js'

const HOUR = 3_600_000
const NOW = Date.parse('2026-11-20T12:00:00Z')
const KEPT = 30 * 24 * HOUR

describe('a moment', () => {
  it.each([
    ['2026-11-20T11:00:00Z', NOW - HOUR],
    ['2026-11-20T11:00Z', NOW - HOUR],
    ['2026-11-20T13:00:00.000+02:00', NOW - HOUR],
    ['24h', NOW - 24 * HOUR],
  ])('is a time with its zone, or an age: %s', (text, ms) => {
    expect(momentOf(text, NOW)).toBe(ms)
  })

  it.each(['yesterday', '2026-11-20T11:00:00', '2026-11-20', '2026-13-40T11:00:00Z', '', '-1h'])(
    'is not "%s"',
    (text) => {
      expect(momentOf(text, NOW)).toBeUndefined()
    },
  )
})

describe('the range of an audit', () => {
  it('goes from what is asked for, or the oldest that is kept, to what is accepted while it goes on', () => {
    expect(auditRange({ since: NOW - HOUR }, KEPT, NOW)).toEqual({ since: NOW - HOUR, until: Infinity })
    expect(auditRange({ since: 0, until: NOW }, KEPT, NOW)).toEqual({ since: NOW - KEPT, until: NOW })
  })

  it.each([
    [{ since: NOW - HOUR, until: NOW - 2 * HOUR }, /the larger one belongs to --since/],
    [{ since: NOW - HOUR, until: NOW - HOUR }, /--until is not after --since/],
    [{ since: NOW + HOUR }, /not in the past/],
    [{ since: 0, until: NOW - KEPT }, /Nothing is kept of that time/],
  ])('is never empty, which would find nothing and pass for a proof', (asked, sentence) => {
    expect(() => auditRange(asked, KEPT, NOW)).toThrow(sentence)
  })
})
