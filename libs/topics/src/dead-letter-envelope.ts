import type { ChainEnd, Delivery } from '#domain'
import { deliveryHeaders } from './delivery-envelope.js'
import type { Message, ReceivedMessage } from './message.js'

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

/** A record that could not be decoded, byte for byte, with where it was and what was wrong with it. */
export function encodeUndecodable(
  topic: string,
  message: ReceivedMessage,
  origin: RecordOrigin,
  problem: string,
): Message {
  return {
    topic,
    key: message.key ?? '',
    value: message.value,
    headers: {
      ...message.headers,
      'dead-letter-reason': 'undecodable',
      'dead-letter-problem': problem,
      'dead-letter-origin': `${origin.topic}/${origin.partition}/${origin.offset}`,
    },
  }
}
