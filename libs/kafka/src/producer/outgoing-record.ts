import { recordBodyBytes } from '../codec/encode-record-batch.js'
import type { PendingSend } from './pending-send.js'

/** A record to be written. Without `partition` the key chooses it, as in every standard client. */
export interface OutgoingRecord {
  topic: string
  key: string | null
  value: Buffer | string | null
  headers?: Record<string, string>
  partition?: number
}

/** A record on its way: measured once, and knowing the send that waits for it. */
export interface QueuedRecord {
  topic: string
  partition: number | undefined
  key: Buffer | null
  value: Buffer | string | null
  headers: Record<string, string>
  bodyBytes: number
  send: PendingSend
  /** Its batch was refused: it goes by itself now, so that the one bad record is found and the others pass. */
  alone: boolean
}

/** A record's own length and its offset delta, at their longest. */
const FRAMING_BYTES = 10
const NO_HEADERS: Record<string, string> = {}

export function queuedRecord(record: OutgoingRecord, send: PendingSend): QueuedRecord {
  const { topic, partition, value, headers = NO_HEADERS } = record
  const key = record.key === null ? null : Buffer.from(record.key)
  const bodyBytes = recordBodyBytes({ key, value, headers })
  return { topic, partition, key, value, headers, bodyBytes, send, alone: false }
}

/** What the record takes at most in a batch. */
export function bytesOf(record: QueuedRecord): number {
  return record.bodyBytes + FRAMING_BYTES
}
