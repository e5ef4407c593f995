import { eventIdForNotification, operationalEvent, operationalEventBody } from '#domain'
import type { Notification } from '#postgres'
import type { EventToAccept } from '#topics'

/** The event that tells the account's other webhooks. The same notification, sent again, is the same event. */
export function notificationEvent(notification: Notification): EventToAccept {
  const { accountId, webhookId, kind, evidence } = notification
  const at = notification.createdAt.getTime()
  const event = operationalEvent(eventIdForNotification(accountId, notification.id, at), {
    change: kind,
    at,
    webhook: { id: webhookId, ...evidence.webhook },
    reason: evidence.reason,
    failingSince: evidence.streak?.since ?? null,
  })
  return { id: event.id, accountId, type: event.type, body: operationalEventBody(event), aboutWebhookId: webhookId }
}
