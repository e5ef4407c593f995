import { expect, test } from 'vitest'
import type { Fact } from '#domain'
import { aDeliveryRef, anAttempted } from '../../domain/src/builders.testing.js'
import { decodeFact, encodeFact } from './delivery-log-envelope.js'
import { UndecodableRecord } from './message.js'
import { received } from './received.testing.js'

const delivery = aDeliveryRef({ deliveryId: 'dlv_1', eventId: 'evt_1' })
const facts: Fact[] = [
  {
    kind: 'fanned_out',
    eventId: 'evt_1',
    eventType: 'context.created',
    accountId: 'acc_1',
    acceptedAt: 1,
    at: 2,
    matched: [{ webhookId: 'whk_1', deliveryId: 'dlv_1' }],
    unmatched: [{ webhookId: 'whk_2', reason: 'disabled' }],
  },
  anAttempted({
    delivery,
    outcome: { kind: 'failed', reason: 'http_status', status: 503, retryAfterMs: 60_000 },
    response: { status: 503, headers: { 'retry-after': '60' }, body: 'später \u0000 \ud800' },
    next: { kind: 'retry', attempt: 2, notBefore: 3 },
  }),
  anAttempted({ delivery, outcome: { kind: 'failed', reason: 'timeout' }, response: null }),
  { kind: 'deferred', delivery, at: 1, attempt: 2, notBefore: 3 },
  { kind: 'chain_ended', delivery, at: 1, end: 'cancelled' },
  { kind: 'redelivery_requested', delivery, at: 1 },
]

test.each(facts.map((fact) => [fact.kind, fact] as const))('the fact %s comes back as it went in', (_, fact) => {
  expect(decodeFact(received(encodeFact('delivery-log', fact)))).toEqual(fact)
})

test('facts of one delivery share a key and so stay in order; what fan-out did has its event for a key', () => {
  expect(facts.map((fact) => encodeFact('delivery-log', fact).key)).toEqual([
    'evt_1',
    ...facts.slice(1).map(() => 'dlv_1'),
  ])
})

test.each([
  ['nothing', null],
  ['no JSON', 'fanned_out'],
  ['no object', '"fanned_out"'],
  ['no kind', '{}'],
  ['an unknown kind', '{"kind":"forgotten"}'],
])('a record that holds %s is undecodable', (_, value) => {
  const message = received({ topic: 'delivery-log', key: 'dlv_1', value, headers: {} })
  expect(() => decodeFact(message)).toThrow(UndecodableRecord)
})
