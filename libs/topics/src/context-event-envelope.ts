import { type AcceptedEvent, isEventType, isOperational } from '#domain'
import { type Message, type ReceivedMessage, UndecodableRecord, requiredHeader, requiredValue } from './message.js'

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
