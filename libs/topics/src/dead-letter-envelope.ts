import type { ChainEnd, Delivery } from '#domain'
import { deliveryHeaders } from './delivery-envelope.js'
import { type Message, type ReceivedMessage, bytesOf } from './message.js'

/** A delivery given up after its last attempt, whole, so that it can be sent again. */
export function encodeDeadLetter(topic: string, delivery: Delivery, reason: ChainEnd): Message {
  return {
    topic,
    key: delivery.webhookId,
    value: delivery.body,
    headers: { ...deliveryHeaders(delivery), 'dead-letter-reason': reason },
  }
}

/** Where a record came from that could not be read. */
export interface RecordOrigin {
  topic: string
  partition: number
  offset: number
}

/** Less than a producer takes: a record as large as the broker allows has no room for a reason. */
const MOST_BYTES = 800 * 1024
/** Characters: it may quote what was wrong. */
const MOST_PROBLEM = 1_000

/**
 * A record that could not be decoded, byte for byte, with where it was and what was wrong with it. Of one that is too
 * large the letter only says where it lies, for as long as its topic keeps it.
 */
export function encodeUndecodable(
  topic: string,
  message: ReceivedMessage,
  origin: RecordOrigin,
  problem: string,
): Message {
  const bytes = bytesOf(message)
  const { key, value, headers } =
    bytes > MOST_BYTES ? { key: null, value: null, headers: { 'dead-letter-bytes': String(bytes) } } : message
  return {
    topic,
    key: key ?? '',
    value,
    headers: {
      ...headers,
      'dead-letter-reason': 'undecodable',
      'dead-letter-problem': problem.slice(0, MOST_PROBLEM),
      'dead-letter-origin': `${origin.topic}/${origin.partition}/${origin.offset}`,
    },
  }
}
