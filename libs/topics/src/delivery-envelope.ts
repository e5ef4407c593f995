import { type Delivery, MAX_EVENT_BODY_BYTES, type Trigger, isEventType } from '#domain'
import {
  type Message,
  type ReceivedMessage,
  UndecodableRecord,
  integerHeader,
  optionalIntegerHeader,
  refuseLarger,
  requiredHeader,
  requiredValue,
} from './message.js'

/**
 * With key and headers. Far above what we write, a body and some hundred bytes; and far below what a producer takes, since
 * each is written again, into a tier or to the dead letters.
 */
const MOST_BYTES = 8 * MAX_EVENT_BODY_BYTES

const TRIGGERS: readonly string[] = ['automatic', 'test', 'redelivery', 'replay'] satisfies Trigger[]

/** deliveries, its tiers and its replay lane: key is the webhook, the value is the body alone. */
export function encodeDelivery(topic: string, delivery: Delivery): Message {
  return { topic, key: delivery.webhookId, value: delivery.body, headers: deliveryHeaders(delivery) }
}

const PERHAPS_DOUBLED = 'perhaps-doubled'

/** For one that whoever wrote it may have written before, killed in between: the dispatcher looks it up. */
export function markPerhapsDoubled(message: Message): Message {
  return { ...message, headers: { ...message.headers, [PERHAPS_DOUBLED]: 'true' } }
}

export function isPerhapsDoubled({ headers }: Pick<ReceivedMessage, 'headers'>): boolean {
  return headers[PERHAPS_DOUBLED] !== undefined
}

export function deliveryHeaders(delivery: Delivery): Record<string, string> {
  const headers: Record<string, string> = {
    'delivery-id': delivery.id,
    'event-id': delivery.eventId,
    'event-type': delivery.eventType,
    'account-id': delivery.accountId,
    'webhook-version': String(delivery.webhookVersion),
    trigger: delivery.trigger,
    chain: String(delivery.chain),
    attempt: String(delivery.attempt),
    'accepted-at': String(delivery.acceptedAt),
  }
  if (delivery.notBefore !== null) headers['not-before'] = String(delivery.notBefore)
  if (delivery.chainStartedAt !== null) headers['chain-started-at'] = String(delivery.chainStartedAt)
  if (delivery.isDeferred) headers.deferred = 'true'
  if (delivery.deferredSince !== null) headers['deferred-since'] = String(delivery.deferredSince)
  if (delivery.traceparent !== undefined) headers.traceparent = delivery.traceparent
  return headers
}

/** @throws {UndecodableRecord} */
export function decodeDelivery(message: ReceivedMessage): Delivery {
  refuseLarger(message, MOST_BYTES)
  if (!message.key) throw new UndecodableRecord('the record has no webhook as its key')
  const eventType = requiredHeader(message, 'event-type')
  if (!isEventType(eventType)) throw new UndecodableRecord(`"${eventType.slice(0, 40)}" is not an event type`)
  const trigger = requiredHeader(message, 'trigger')
  if (!TRIGGERS.includes(trigger)) throw new UndecodableRecord(`"${trigger.slice(0, 40)}" is not a trigger`)
  const attempt = integerHeader(message, 'attempt')
  if (attempt < 1) throw new UndecodableRecord('attempts are numbered from 1')
  const traceparent = message.headers.traceparent
  return {
    id: requiredHeader(message, 'delivery-id'),
    eventId: requiredHeader(message, 'event-id'),
    eventType,
    accountId: requiredHeader(message, 'account-id'),
    webhookId: message.key,
    webhookVersion: integerHeader(message, 'webhook-version'),
    trigger: trigger as Trigger,
    chain: integerHeader(message, 'chain'),
    attempt,
    acceptedAt: integerHeader(message, 'accepted-at'),
    notBefore: optionalIntegerHeader(message, 'not-before'),
    chainStartedAt: optionalIntegerHeader(message, 'chain-started-at'),
    isDeferred: message.headers.deferred === 'true',
    deferredSince: optionalIntegerHeader(message, 'deferred-since'),
    body: requiredValue(message),
    ...(traceparent !== undefined && { traceparent }),
  }
}
