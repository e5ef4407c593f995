import type { OperationalEventType } from './event-type.js'
import type { DisabledReason, WebhookState } from './webhook.js'

/** What became of a webhook, as its owner and the account's other webhooks are told. */
export type NotableChange = 'failing' | 'disabled' | 'enabled'

/** A webhook as an event about it shows it: right after the change, in the API's own words. */
export interface ReportedWebhook {
  id: string
  name: string
  url: string
  state: WebhookState
  /** Set exactly while `state` is `disabled`. */
  reason: DisabledReason | null
  failing_since: string | null
}

export interface OperationalEvent {
  id: string
  type: OperationalEventType
  created_at: string
  data: { webhook: ReportedWebhook }
}

/** A change and what it rests on. Times in ms since the epoch. */
export interface WebhookChanged {
  change: NotableChange
  at: number
  webhook: { id: string; name: string; url: string }
  /** Why it is disabled now; of one that is enabled again, why it was not. */
  reason: DisabledReason | null
  /** The start of the streak that led to it; null where none did. */
  failingSince: number | null
}

/** The event that tells the account's other webhooks. The same change and id always give the same event. */
export function operationalEvent(id: string, changed: WebhookChanged): OperationalEvent {
  const { change, at, webhook, reason, failingSince } = changed
  const isFailing = change !== 'enabled' && failingSince !== null
  return {
    id,
    type: `webhook.${change}`,
    created_at: new Date(at).toISOString(),
    data: {
      webhook: {
        ...webhook,
        state: STATE_AFTER[change],
        reason: change === 'disabled' ? reason : null,
        failing_since: isFailing ? new Date(failingSince).toISOString() : null,
      },
    },
  }
}

const STATE_AFTER = { failing: 'failing', disabled: 'disabled', enabled: 'active' } as const

/** The text that receivers get and that signatures are made over; this key order is a promise. */
export function operationalEventBody(event: OperationalEvent): string {
  const { id, name, url, state, reason, failing_since } = event.data.webhook
  return JSON.stringify({
    id: event.id,
    type: event.type,
    created_at: event.created_at,
    data: { webhook: { id, name, url, state, reason, failing_since } },
  })
}

const HOUR_MS = 3_600_000

/** A believable event of a type, for test sends and the docs. */
export function sampleOperationalEvent(type: OperationalEventType, id: string, now: Date): OperationalEvent {
  return operationalEvent(id, {
    change: type.slice('webhook.'.length) as NotableChange,
    at: now.getTime(),
    webhook: { id: 'whk_abc123', name: 'My Webhook', url: 'https://example.com/webhook' },
    reason: 'failing',
    failingSince: now.getTime() - HOUR_MS,
  })
}
