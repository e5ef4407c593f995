import { deliveryIdFor } from '#domain'
import { type DeliveryState, type EventRow, type Matches, statusOf } from '#postgres'
import type { EventDetail, EventSummary } from './log-schemas.js'

/** The event as it was delivered: the stored text, read once. */
export function eventView(event: EventRow): EventSummary {
  return JSON.parse(event.body) as EventSummary
}

/**
 * The event with what became of it at every webhook that the account had.
 * @param deliveries those of this event that are known
 */
export function eventDetailView(event: EventRow, matches: Matches | null, deliveries: DeliveryState[]): EventDetail {
  const deliveryTo = new Map(deliveries.map((delivery) => [delivery.webhookId, delivery]))
  const reasonAt = new Map(matches?.unmatched.map(({ webhookId, reason }) => [webhookId, reason]))
  return {
    ...eventView(event),
    matches: webhooksOf(matches).map((webhookId) => {
      const delivery = deliveryTo.get(webhookId)
      const reason = reasonAt.get(webhookId)
      // A delivery that is there went there, whatever an earlier, crashed run of fan-out had decided.
      if (!delivery && reason) return { webhook_id: webhookId, delivery_id: null, status: null, reason }
      return {
        webhook_id: webhookId,
        delivery_id: deliveryIdFor(event.id, webhookId),
        status: delivery ? statusOf(delivery) : 'waiting',
        reason: null,
      }
    }),
  }
}

/** Every webhook that fan-out told of, delivered to or not. */
export function webhooksOf(matches: Matches | null): string[] {
  if (!matches) return []
  return [...matches.matched, ...matches.unmatched.map(({ webhookId }) => webhookId)]
}
