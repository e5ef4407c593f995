import { type AcceptedEvent, MAX_EVENT_BODY_BYTES, isEventType, isOperational } from '#domain'
import {
  type Message,
  type ReceivedMessage,
  UndecodableRecord,
  refuseLarger,
  requiredHeader,
  requiredValue,
} from './message.js'

/** With key and headers. Far above what we write, and half of what a delivery may be: each becomes one, with more headers. */
const MOST_BYTES = 4 * MAX_EVENT_BODY_BYTES

/** The event as the API hands it to the log; the acceptance time is the broker's append time. */
export type EventToAccept = Omit<AcceptedEvent, 'acceptedAt' | 'body'> & { body: string | Buffer }

/** context-events: key is the account, so that an account's events stay in order of acceptance. */
export function encodeContextEvent(topic: string, event: EventToAccept): Message {
  return {
    topic,
    key: event.accountId,
    value: event.body,
    headers: {
      'event-id': event.id,
      'event-type': event.type,
      ...(event.aboutWebhookId !== undefined && { 'about-webhook': event.aboutWebhookId }),
      ...(event.traceparent !== undefined && { traceparent: event.traceparent }),
    },
  }
}

/** @throws {UndecodableRecord} */
export function decodeContextEvent(message: ReceivedMessage): AcceptedEvent {
  refuseLarger(message, MOST_BYTES)
  if (!message.key) throw new UndecodableRecord('the record has no account as its key')
  const type = requiredHeader(message, 'event-type')
  if (!isEventType(type)) throw new UndecodableRecord(`"${type.slice(0, 40)}" is not an event type`)
  const traceparent = message.headers.traceparent
  return {
    id: requiredHeader(message, 'event-id'),
    accountId: message.key,
    type,
    acceptedAt: message.timestamp,
    body: requiredValue(message),
    // Without it the event would also go to the webhook that it is about.
    ...(isOperational(type) && { aboutWebhookId: requiredHeader(message, 'about-webhook') }),
    ...(traceparent !== undefined && { traceparent }),
  }
}
