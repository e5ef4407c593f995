import { describe, expect, it } from 'vitest'
import { type AttemptRow, type DeliveryState, statesFrom } from '#postgres'
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

function anAttempt(change: Partial<AttemptRow>): AttemptRow {
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

  it.each<[Partial<AttemptRow>, RegExp]>([
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
})
