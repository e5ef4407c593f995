import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type AttemptOutcome, FAILURE_REASONS, outcomeOfStatus, parseRetryAfter, sentenceFor } from './attempt.js'

const NOW = Date.parse('2024-01-15T14:45:00Z')

test.each([200, 201, 202, 204, 299])('%d succeeds', (status) => {
  expect(outcomeOfStatus(status, undefined, NOW)).toEqual({ kind: 'succeeded', status })
})

test('410 refuses', () => {
  expect(outcomeOfStatus(410, '60', NOW)).toEqual({ kind: 'refused', reason: 'gone', status: 410 })
})

test.each([301, 302, 307, 308, 400, 401, 403, 404, 409, 418, 500, 502, 504])('%d fails', (status) => {
  // Only 429 and 503 may ask for patience; elsewhere the header has no meaning for us.
  expect(outcomeOfStatus(status, '60', NOW)).toEqual({ kind: 'failed', reason: 'http_status', status })
})

test.each([429, 503])('%d fails and may ask to wait', (status) => {
  const failed = { kind: 'failed', reason: 'http_status', status }
  expect(outcomeOfStatus(status, '120', NOW)).toEqual({ ...failed, retryAfterMs: 120_000 })
  expect(outcomeOfStatus(status, undefined, NOW)).toEqual(failed)
  expect(outcomeOfStatus(status, 'soon', NOW)).toEqual(failed)
})

test('every status has exactly one outcome that names it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 100, max: 999 }), fc.option(fc.string(), { nil: undefined }), (status, header) => {
      const outcome = outcomeOfStatus(status, header, NOW)
      expect(outcome.status).toBe(status)
      expect(outcome.kind === 'succeeded').toBe(status >= 200 && status <= 299)
    }),
  )
})

test.each([
  ['0', 0],
  ['120', 120_000],
  ['Mon, 15 Jan 2024 14:47:00 GMT', 120_000],
  ['Monday, 15-Jan-24 14:47:00 GMT', 120_000],
  ['Mon, 15 Jan 2024 14:00:00 GMT', 0],
  ['Mon Jan 15 14:46:00 2024', 60_000],
  ['10, 20', 20_000],
])('Retry-After "%s" is %d ms from now', (text, ms) => {
  expect(parseRetryAfter(text, NOW)).toBe(ms)
})

// A lenient date parser reads most of these as dates, some of them a lifetime away.
test.each([undefined, '', 'soon', '-5', '+5', '1.5', '5 minutes 2099', 'in 2099', '2099-01-01'])(
  'Retry-After "%s" counts as absent',
  (text) => {
    expect(parseRetryAfter(text, NOW)).toBeUndefined()
  },
)

test('a wait of any length stays a number that a fact can carry', () => {
  expect(Number.isSafeInteger(parseRetryAfter('9'.repeat(400), NOW))).toBe(true)
})

const failures: AttemptOutcome[] = FAILURE_REASONS.map((reason) => ({ kind: 'failed', reason }))

test('each reason has a sentence of its own for the owner', () => {
  const sentences = failures.map(sentenceFor)
  expect(new Set(sentences).size).toBe(sentences.length)
  for (const sentence of sentences) expect(sentence).toMatch(/^[A-Z].*\.$/)
})

test('the owner reads the status that the receiver gave', () => {
  expect(sentenceFor({ kind: 'succeeded', status: 202 })).toContain('202')
  expect(sentenceFor({ kind: 'refused', reason: 'gone', status: 410 })).toContain('410')
  expect(sentenceFor({ kind: 'failed', reason: 'http_status', status: 500 })).toContain('500')
  expect(sentenceFor({ kind: 'failed', reason: 'http_status', status: 308 })).toContain('Redirects are not followed')
})
