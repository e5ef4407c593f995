import type { Attempted, ChainEnded, Deferred, DeliveryRef, FannedOut, RedeliveryRequested } from '#domain'
import type { AttemptedRow, EventRow } from './read-model-rows.js'

/** Noon of a day that is not today, in ms. */
export const NOON = Date.parse('2024-01-15T12:00:00.123Z')

export function aRef(change: Partial<DeliveryRef> = {}): DeliveryRef {
  return {
    deliveryId: 'dlv_1',
    eventId: 'evt_1',
    eventType: 'context.updated',
    accountId: 'acc_1',
    webhookId: 'whk_1',
    trigger: 'automatic',
    chain: 0,
    acceptedAt: NOON,
    ...change,
  }
}

export function aFannedOut(change: Partial<FannedOut> = {}): FannedOut {
  return {
    kind: 'fanned_out',
    eventId: 'evt_1',
    eventType: 'context.updated',
    accountId: 'acc_1',
    acceptedAt: NOON,
    at: NOON + 5,
    matched: [{ webhookId: 'whk_1', deliveryId: 'dlv_1' }],
    unmatched: [],
    ...change,
  }
}

export function anAttempted(change: Partial<Attempted> = {}): Attempted {
  return {
    kind: 'attempted',
    delivery: aRef(),
    attemptId: 'atm_1',
    number: 1,
    startedAt: NOON + 10,
    durationMs: 20,
    outcome: { kind: 'succeeded', status: 200 },
    request: { url: 'https://receiver.example/hook', headers: { 'webhook-id': 'evt_1' } },
    response: { status: 200, headers: { server: 'test' }, body: 'OK' },
    next: { kind: 'end', end: 'delivered' },
    ...change,
  }
}

export function aDeferred(change: Partial<Deferred> = {}): Deferred {
  return { kind: 'deferred', delivery: aRef(), at: NOON + 10, attempt: 1, notBefore: NOON + 10_000, ...change }
}

export function aChainEnded(change: Partial<ChainEnded> = {}): ChainEnded {
  return { kind: 'chain_ended', delivery: aRef(), at: NOON + 50, end: 'cancelled', ...change }
}

export function aRedeliveryRequested(change: Partial<RedeliveryRequested> = {}): RedeliveryRequested {
  return {
    kind: 'redelivery_requested',
    delivery: aRef({ chain: 1, trigger: 'redelivery' }),
    at: NOON + 1_000,
    ...change,
  }
}

export function anEventRow(change: Partial<EventRow> = {}): EventRow {
  return {
    accountId: 'acc_1',
    id: 'evt_1',
    type: 'context.updated',
    acceptedAt: NOON,
    body: '{"id":"evt_1"}',
    ...change,
  }
}

export function anAttemptRow(change: Partial<AttemptedRow> = {}): AttemptedRow {
  return {
    id: 'atm_1',
    deliveryId: 'dlv_1',
    webhookId: 'whk_1',
    eventType: 'context.updated',
    acceptedAt: NOON,
    chain: 0,
    number: 1,
    trigger: 'automatic',
    startedAt: NOON + 10,
    durationMs: 20,
    outcome: 'succeeded',
    reason: null,
    request: { url: 'https://receiver.example/hook', headers: { 'webhook-id': 'evt_1' } },
    response: { status: 200, headers: { server: 'test' }, body: 'OK' },
    ...change,
  }
}
