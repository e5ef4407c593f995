import type { ContextEvent, ContextEventType } from '#domain'
import { eventBody, sampleEvent } from '#domain'
import { eventId, newTag } from './event-id.js'

/** What receivers get, bytes. Real events are smaller; this is what the design was measured with. */
const deliveredBytes = 1024

/** Makes the requests of `POST /v1/events` for one account and type: everything but the id is written once. */
export function eventTemplate(accountId: string, type: ContextEventType): (id: string) => string {
  const { context } = sampleFilledTo(deliveredBytes, type).data
  const before = JSON.stringify({ account_id: accountId, type, context }).slice(0, -1)
  return (id) => `${before},"id":"${id}"}`
}

function sampleFilledTo(bytes: number, type: ContextEventType): ContextEvent {
  const event = sampleEvent(type, eventId(newTag(), 0), new Date())
  event.data.context.name = ''
  event.data.context.name = 'n'.repeat(bytes - Buffer.byteLength(eventBody(event)))
  return event
}
