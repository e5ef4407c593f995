import type { Attempted, DeliveryRef } from './fact.js'
import type { Context, ContextEvent } from './event.js'
import type { Delivery } from './delivery.js'
import type { DeliverableWebhook } from './webhook.js'

/** Overrides of a context event; those of its context are given flat, as tests think of them. */
export type EventOverrides = Partial<Omit<ContextEvent, 'data'>> & { context?: Partial<Context> }

export function anEvent({ context, ...overrides }: EventOverrides = {}): ContextEvent {
  return {
    id: 'evt_abc123def456',
    type: 'context.updated',
    created_at: '2024-01-15T14:45:00Z',
    data: {
      context: {
        id: '550e8400-e29b-41d4-a716-446655440000',
        name: 'My AI Assistant',
        slug: 'my-ai-assistant',
        updated_at: '2024-01-15T14:45:00Z',
        ...context,
      },
    },
    ...overrides,
  }
}

export function aWebhook(overrides: Partial<DeliverableWebhook> = {}): DeliverableWebhook {
  return {
    id: 'whk_abc123',
    accountId: 'acc_1',
    version: 1,
    events: ['context.created', 'context.updated'],
    isActive: true,
    createdAt: 1_705_312_800_000,
    url: 'https://example.com/webhook',
    secrets: [{ sealed: 'v1.k1.iv.content', expiresAt: null }],
    ...overrides,
  }
}

/** An automatic delivery that is due for its first attempt at once. */
export function aDelivery(overrides: Partial<Delivery> = {}): Delivery {
  return {
    id: 'dlv_1',
    eventId: 'evt_abc123def456',
    eventType: 'context.updated',
    accountId: 'acc_1',
    webhookId: 'whk_abc123',
    webhookVersion: 1,
    trigger: 'automatic',
    chain: 0,
    attempt: 1,
    acceptedAt: 1_705_329_900_000,
    notBefore: null,
    chainStartedAt: null,
    isDeferred: false,
    deferredSince: null,
    body: Buffer.from('{"id":"evt_abc123def456"}'),
    ...overrides,
  }
}

export function aDeliveryRef(overrides: Partial<DeliveryRef> = {}): DeliveryRef {
  const { id, eventId, eventType, accountId, webhookId, trigger, chain, acceptedAt } = aDelivery()
  return { deliveryId: id, eventId, eventType, accountId, webhookId, trigger, chain, acceptedAt, ...overrides }
}

/** The fact of a first attempt that succeeded. */
export function anAttempted(overrides: Partial<Attempted> = {}): Attempted {
  return {
    kind: 'attempted',
    delivery: aDeliveryRef(),
    attemptId: 'atm_1',
    number: 1,
    startedAt: 1_705_329_900_006,
    durationMs: 42,
    outcome: { kind: 'succeeded', status: 200 },
    request: { url: 'https://example.com/webhook', headers: { 'content-type': 'application/json' } },
    response: { status: 200, headers: {}, body: 'OK' },
    next: { kind: 'end', end: 'delivered' },
    ...overrides,
  }
}
