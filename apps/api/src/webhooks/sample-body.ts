import { type ContextEventType, type EventType, contextEventTypes, eventBody, sampleEvent } from '#domain'

/** A believable body of an event of any type, as its receivers would get it. */
export function sampleBody(type: EventType, id: string, now: Date): string {
  if (isContextEvent(type)) return eventBody(sampleEvent(type, id, now))
  const isFailing = type !== 'webhook.enabled'
  return JSON.stringify({
    id,
    type,
    created_at: now.toISOString(),
    data: {
      webhook: {
        id: 'whk_abc123',
        name: 'My Webhook',
        url: 'https://example.com/webhook',
        state: STATES[type],
        reason: type === 'webhook.disabled' ? 'failing' : null,
        failing_since: isFailing ? new Date(now.getTime() - HOUR_MS).toISOString() : null,
      },
    },
  })
}

const HOUR_MS = 3_600_000
const STATES = {
  'webhook.failing': 'failing',
  'webhook.disabled': 'disabled',
  'webhook.enabled': 'active',
} as const

function isContextEvent(type: EventType): type is ContextEventType {
  return contextEventTypes.includes(type as ContextEventType)
}
