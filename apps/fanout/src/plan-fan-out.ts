import {
  CHAIN_BEGINNING,
  type AcceptedEvent,
  type Delivery,
  type FannedOut,
  type SubscribedWebhook,
  deliveryIdFor,
  matchWebhooks,
} from '#domain'

/** One event's deliveries, and the fact that says where it went and why not elsewhere. */
export interface FanOutPlan {
  deliveries: Delivery[]
  fact: FannedOut
}

/** Decides where an event goes. The same event and webhooks always give the same delivery ids. `now` in ms. */
export function planFanOut(event: AcceptedEvent, webhooks: Iterable<SubscribedWebhook>, now: number): FanOutPlan {
  const { matched, unmatched } = matchWebhooks(event.type, webhooks, event.aboutWebhookId)
  const deliveries = matched.map((webhook) => firstDelivery(event, webhook))
  return {
    deliveries,
    fact: {
      kind: 'fanned_out',
      eventId: event.id,
      eventType: event.type,
      accountId: event.accountId,
      acceptedAt: event.acceptedAt,
      at: now,
      matched: deliveries.map(({ id, webhookId }) => ({ deliveryId: id, webhookId })),
      unmatched: unmatched.map(({ webhook, reason }) => ({ webhookId: webhook.id, reason })),
    },
  }
}

function firstDelivery(event: AcceptedEvent, webhook: SubscribedWebhook): Delivery {
  return {
    id: deliveryIdFor(event.id, webhook.id),
    eventId: event.id,
    eventType: event.type,
    accountId: event.accountId,
    webhookId: webhook.id,
    webhookVersion: webhook.version,
    trigger: 'automatic',
    chain: 0,
    acceptedAt: event.acceptedAt,
    ...CHAIN_BEGINNING,
    body: event.body,
    ...(event.traceparent !== undefined && { traceparent: event.traceparent }),
  }
}
