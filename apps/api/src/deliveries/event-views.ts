import { deliveryIdFor } from '#domain'
import { type DeliveryState, type EventRow, type Matches, type WebhookRow, statusOf } from '#postgres'
import type { EventDetail, EventMatch, EventSummary } from './log-schemas.js'

/** The event as it was delivered: the stored text, read once. */
export function eventView(event: EventRow): EventSummary {
  return JSON.parse(event.body) as EventSummary
}

/** The account's webhooks of today: those that fan-out has not told of were made later. */
type PresentWebhook = Pick<WebhookRow, 'id' | 'createdAt'>

/**
 * The event with what became of it at every webhook of the account: those that it had then, and those that were made
 * later, which a replay may have reached all the same.
 *
 * @param deliveries those of this event that are known
 * @param keptFrom what is older may have been delivered and forgotten since, ms since the epoch
 */
export function eventDetailView(
  event: EventRow,
  matches: Matches | null,
  present: readonly PresentWebhook[],
  deliveries: DeliveryState[],
  keptFrom = -Infinity,
): EventDetail {
  const deliveryTo = new Map(deliveries.map((delivery) => [delivery.webhookId, delivery]))
  const reasonAt = new Map<string, EventMatch['reason']>(
    matches?.unmatched.map(({ webhookId, reason }) => [webhookId, reason]),
  )
  for (const webhookId of madeLater(matches, present)) reasonAt.set(webhookId, 'created_later')
  return {
    ...eventView(event),
    matches: webhooksOf(matches, present).map((webhookId) => {
      const delivery = deliveryTo.get(webhookId)
      const reason = reasonAt.get(webhookId)
      // A delivery that is there went there: by a replay, or because a crashed run of fan-out had decided otherwise.
      if (!delivery && (reason || event.acceptedAt < keptFrom)) {
        return { webhook_id: webhookId, delivery_id: null, status: null, reason: reason ?? null }
      }
      return {
        webhook_id: webhookId,
        delivery_id: deliveryIdFor(event.id, webhookId),
        status: delivery ? statusOf(delivery) : 'waiting',
        reason: null,
      }
    }),
  }
}

/** Every webhook that fan-out told of, delivered to or not, and then those made later, oldest first. */
export function webhooksOf(matches: Matches | null, present: readonly PresentWebhook[]): string[] {
  if (!matches) return []
  const told = [...matches.matched, ...matches.unmatched.map(({ webhookId }) => webhookId)]
  return [...told, ...madeLater(matches, present)]
}

/** Fan-out knows every webhook whose creation was answered before the event was accepted. */
function madeLater(matches: Matches | null, present: readonly PresentWebhook[]): string[] {
  if (!matches) return []
  const told = new Set([...matches.matched, ...matches.unmatched.map(({ webhookId }) => webhookId)])
  return present
    .filter(({ id }) => !told.has(id))
    .toSorted((a, b) => a.createdAt.getTime() - b.createdAt.getTime() || (a.id < b.id ? -1 : 1))
    .map(({ id }) => id)
}
