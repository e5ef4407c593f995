import type { DeliverableWebhook, SubscribedWebhook, WebhookChange } from '#domain'
import { type Message, type ReceivedMessage, UndecodableRecord, integerHeader, jsonValue } from './message.js'

/** webhook-changes: the whole configuration, secrets sealed; a deletion is a tombstone with its version in a header. */
export function encodeWebhookChange(topic: string, change: WebhookChange<DeliverableWebhook>): Message {
  if (change.kind === 'deleted') {
    return { topic, key: change.webhookId, value: null, headers: { version: String(change.version) } }
  }
  const { webhook } = change
  return {
    topic,
    key: webhook.id,
    value: JSON.stringify(webhook),
    headers: { version: String(webhook.version) },
  }
}

/** For the dispatcher, which signs. @throws {UndecodableRecord} */
export function decodeWebhookChange(message: ReceivedMessage): WebhookChange<DeliverableWebhook> {
  if (!message.key) throw new UndecodableRecord('the record has no webhook as its key')
  if (message.value === null) {
    return { kind: 'deleted', webhookId: message.key, version: integerHeader(message, 'version') }
  }
  const webhook = jsonValue<DeliverableWebhook>(message)
  if (webhook.id !== message.key) throw new UndecodableRecord('the key is not the webhook of the value')
  return { kind: 'changed', webhook }
}

/** For fan-out, which matches: the URL and the sealed secrets are left behind here and never kept. */
export function decodeSubscriptionChange(message: ReceivedMessage): WebhookChange<SubscribedWebhook> {
  const change = decodeWebhookChange(message)
  if (change.kind === 'deleted') return change
  const { id, accountId, version, events, isActive, createdAt } = change.webhook
  return { kind: 'changed', webhook: { id, accountId, version, events, isActive, createdAt } }
}
