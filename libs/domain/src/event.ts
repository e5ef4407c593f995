import type { ContextEventType, EventType } from './event-type.js'

/** A context as a producer describes it; `id` is a UUID, times are RFC 3339 and passed on unchanged. */
export interface Context {
  id: string
  name: string
  slug: string
  updated_at: string
}

export interface ContextEvent {
  id: string
  type: ContextEventType
  created_at: string
  data: { context: Context }
}

/** An event on its way from the API to fan-out: the body is final, nothing parses it again. */
export interface AcceptedEvent {
  id: string
  accountId: string
  type: EventType
  /** When the broker took it, ms since the epoch: the event's acceptance time everywhere. */
  acceptedAt: number
  body: Buffer
  traceparent?: string
  /** The webhook that an operational event is about: by no way does it go there. */
  aboutWebhookId?: string
}

/** Receivers' JSON parsers commonly stop at 100 kB; a larger body would fail there for ever. Bytes. */
export const MAX_EVENT_BODY_BYTES = 64 * 1024

/**
 * The text that every receiver gets and that signatures are made over, in the guide's key order. Built field by
 * field, so that neither a producer's key order nor an unexpected field can reach it.
 */
export function eventBody(event: ContextEvent): string {
  const { id, name, slug, updated_at } = event.data.context
  return JSON.stringify({
    id: event.id,
    type: event.type,
    created_at: event.created_at,
    data: { context: { id, name, slug, updated_at } },
  })
}

/** A believable event of a type, for test sends, the docs and the list of event types. */
export function sampleEvent(type: ContextEventType, id: string, now: Date): ContextEvent {
  return {
    id,
    type,
    created_at: now.toISOString(),
    data: {
      context: {
        id: '550e8400-e29b-41d4-a716-446655440000',
        name: 'My AI Assistant',
        slug: 'my-ai-assistant',
        updated_at: now.toISOString(),
      },
    },
  }
}
