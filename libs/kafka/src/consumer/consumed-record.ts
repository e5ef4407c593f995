import type { FetchedMessage } from '../client/kafkajs.js'

/**
 * A record as it was read. Of headers with the same name the last one counts; a header without a value is the empty
 * text. `timestamp` in milliseconds since 1970: the broker's append time on our topics.
 */
export interface ConsumedRecord {
  topic: string
  partition: number
  offset: number
  key: string | null
  value: Buffer | null
  headers: Record<string, string>
  timestamp: number
}

export function consumedRecord(topic: string, partition: number, message: FetchedMessage): ConsumedRecord {
  const { offset, key, value, headers, timestamp } = message
  return { topic, partition, offset, key, value, headers, timestamp }
}
