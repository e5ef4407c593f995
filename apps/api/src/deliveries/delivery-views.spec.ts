import { describe, expect, it } from 'vitest'
import { type DeliveryState, type LoggedAttempt, statesFrom } from '#postgres'
import { anAttempted } from '../../../../libs/domain/src/builders.testing.js'
import { deliveryDetailView, deliverySummaryView } from './delivery-views.js'
import { deliveryDetail } from './log-schemas.js'

const waiting = statesFrom(
  anAttempted({
    outcome: { kind: 'failed', reason: 'timeout' },
    next: { kind: 'retry', attempt: 2, notBefore: 1_705_329_910_000 },
  }),
)[0] as DeliveryState
const delivered = statesFrom(anAttempted())[0] as DeliveryState

function anAttempt(change: Partial<LoggedAttempt>): LoggedAttempt {
  return {
    id: 'atm_1',
    deliveryId: 'dlv_1',
    acceptedAt: 1_705_329_900_000,
    chain: 0,
    number: 1,
    trigger: 'automatic',
    startedAt: 1_705_329_900_006,
    durationMs: 42,
    outcome: 'failed',
    reason: 'http_status',
    request: { url: 'https://example.com/webhook', headers: {} },
    response: { status: 500, headers: {}, body: 'sorry' },
    newerBytes: 0,
    ...change,
  }
}

describe('a delivery as its owner sees it', () => {
  it('waits for its next attempt', () => {
    expect(deliverySummaryView(waiting)).toMatchObject({
      status: 'waiting',
      attempts_made: 1,
      ended_at: null,
      next: { attempt: 2, not_before: '2024-01-15T14:45:10.000Z' },
    })
  })

  it('has no next attempt once it ended', () => {
    expect(deliverySummaryView(delivered)).toMatchObject({
      status: 'delivered',
      ended_at: '2024-01-15T14:45:00.048Z',
      next: null,
    })
  })

  it.each<[Partial<LoggedAttempt>, RegExp]>([
    [{}, /answered 500/],
    [{ reason: 'timeout', response: null }, /within 5 seconds/],
    [{ reason: 'address_denied', response: null }, /do not send to/],
    [{ outcome: 'refused', reason: 'gone', response: { status: 410, headers: {}, body: '' } }, /410 Gone/],
    [{ outcome: 'succeeded', reason: null, response: { status: 204, headers: {}, body: '' } }, /answered 204/],
  ])('says of each attempt in a sentence what came of it: %o', (change, sentence) => {
    const view = deliveryDetailView(delivered, [anAttempt(change)], '{"id":"evt_1"}')

    expect(view.attempts[0]?.message).toMatch(sentence)
    expect(view.attempts[0]?.request.body).toBe('{"id":"evt_1"}')
    expect(deliveryDetail.parse(view)).toEqual(view)
  })

  it('shows of a large event the newest attempts that a megabyte holds, since the body is in each', () => {
    // In an answer each quotation mark is two characters.
    const body = JSON.stringify({ name: '"'.repeat(30_000) })
    const attempts = Array.from({ length: 100 }, (_, number) => anAttempt({ number, newerBytes: (99 - number) * 500 }))

    const view = deliveryDetailView(delivered, attempts, body)

    const bytes = Buffer.byteLength(JSON.stringify(view))
    expect(bytes).toBeGreaterThan(900_000)
    expect(bytes).toBeLessThan(1_200_000)
    const numbers = view.attempts.map(({ number }) => number)
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, i) => 100 - numbers.length + i))
    const ofLargest = deliveryDetailView(delivered, attempts, '"'.repeat(256 * 1024))
    expect(ofLargest.attempts.map(({ number }) => number)).toEqual([94, 95, 96, 97, 98, 99])
  })
})
