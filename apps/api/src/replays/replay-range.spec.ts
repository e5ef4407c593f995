import { describe, expect, it } from 'vitest'
import { Problem } from '../http/problem.js'
import { replayRange } from './replay-range.js'

const DAY_MS = 86_400_000
const NOW = Date.parse('2024-01-15T12:00:00Z')
const iso = (ms: number) => new Date(ms).toISOString()

const rangeOf = (since: number, until?: number) =>
  replayRange({ since: iso(since), ...(until !== undefined && { until: iso(until) }) }, 30 * DAY_MS, NOW)

function fieldsOf(ask: () => unknown): Problem['errors'] {
  try {
    ask()
  } catch (error) {
    if (error instanceof Problem && error.status === 422) return error.errors
    throw error
  }
  throw new Error('the range was taken')
}

describe('the range of a replay', () => {
  it('ends now where no end or a later one was given', () => {
    expect(rangeOf(NOW - 1_000)).toEqual({ since: NOW - 1_000, until: NOW })
    expect(rangeOf(NOW - 1_000, NOW + DAY_MS)).toEqual({ since: NOW - 1_000, until: NOW })
    expect(rangeOf(NOW - 1_000, NOW - 1)).toEqual({ since: NOW - 1_000, until: NOW - 1 })
  })

  it('may begin when the oldest that is kept was accepted, and not before', () => {
    expect(rangeOf(NOW - 30 * DAY_MS).since).toBe(NOW - 30 * DAY_MS)
    expect(fieldsOf(() => rangeOf(NOW - 31 * DAY_MS))).toEqual([
      {
        pointer: '/since',
        detail: 'is longer ago than events are kept (30d): ask for 2023-12-16T12:00:00.000Z or later',
      },
    ])
  })

  it('may be all that is kept, reckoned some time before it is read: what was advised can be followed', () => {
    expect(rangeOf(NOW - 30 * DAY_MS - 1).since).toBe(NOW - 30 * DAY_MS)
    expect(rangeOf(NOW - 30 * DAY_MS - 60_000).since).toBe(NOW - 30 * DAY_MS)
  })

  it.each([
    ['after its end', NOW - 1_000, NOW - 2_000, 'must be before until'],
    ['at its end', NOW - 1_000, NOW - 1_000, 'must be before until'],
    ['in the future', NOW + 1_000, undefined, 'must be before now'],
    ['now', NOW, NOW + 1_000, 'must be before now'],
  ])('cannot begin %s', (_, since, until, words) => {
    const [field] = fieldsOf(() => rangeOf(since, until)) ?? []
    expect(field?.pointer).toBe('/since')
    expect(field?.detail).toContain(words)
  })
})
