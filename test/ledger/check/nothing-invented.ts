import { deliveryIdFor } from '#domain'
import type { Ledger } from '../ledger.js'
import type { Violation } from './violation.js'

/** Every request and every row of the log belongs to an event that was posted and a webhook that wanted it. */
export function nothingInvented({ webhooks, events, requests, deliveries }: Ledger): Violation[] {
  const eventOf = new Map(events.map((event) => [event.id, event]))
  const byPath = new Map(webhooks.map((webhook) => [webhook.path, webhook]))
  const byId = new Map(webhooks.map((webhook) => [webhook.id, webhook]))
  const found: Violation[] = []
  const claims = [
    ...requests.map(({ path, eventId, deliveryId }) => ({
      what: `a request of ${eventId} at ${path}`,
      webhook: byPath.get(path),
      eventId,
      deliveryId,
    })),
    ...deliveries.map(({ id, webhookId, eventId }) => ({
      what: `the row ${id} of ${eventId}`,
      webhook: byId.get(webhookId),
      eventId,
      deliveryId: id,
    })),
  ]
  for (const { what, webhook, eventId, deliveryId } of claims) {
    const event = eventOf.get(eventId)
    const problem =
      (!webhook && 'no such webhook') ||
      (!event && 'no such event was posted') ||
      (webhook && event && !webhook.types.includes(event.type) && `it did not subscribe to ${event.type}`) ||
      (webhook && deliveryId !== deliveryIdFor(eventId, webhook.id) && `its delivery is called ${deliveryId}`)
    if (problem) found.push({ rule: 'nothing invented', subject: what, detail: problem })
  }
  return found
}
