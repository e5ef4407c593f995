import { crc32c } from './crc32c.js'
import { utf8Bytes, writeUtf8 } from './utf8.js'
import { varintBytes, writeVarint } from './varint.js'

/** What is written of a record. The time is the batch's: our topics use the broker's append time anyway. */
export interface EncodableRecord {
  key: Uint8Array | null
  value: Buffer | string | null
  headers?: Readonly<Record<string, string>>
}

/** Who writes, for the broker's check against repeats; -1 in all three when it need not check. */
export interface BatchOrigin {
  producerId: bigint
  producerEpoch: number
  firstSequence: number
}

/** Fields before the first record, with the checksum's own start inside them (Kafka's format 2). */
const HEADER_BYTES = 61
const CHECKSUM_AT = 17
const CHECKED_FROM = 21
/** What the length field does not count: the base offset and itself. */
const UNCOUNTED_BYTES = 12
/** Attributes and time delta, one byte each since both are 0. */
const FIXED_BODY_BYTES = 2

/** Bytes of the record in a batch, without its own length and its offset delta (at most 5 bytes each). */
export function recordBodyBytes(record: EncodableRecord): number {
  let bytes = FIXED_BODY_BYTES
  bytes += record.key === null ? 1 : varintBytes(record.key.length) + record.key.length
  const valueBytes = record.value === null ? -1 : textOrBytes(record.value)
  bytes += varintBytes(valueBytes) + Math.max(valueBytes, 0)
  let count = 0
  for (const name in record.headers) {
    count++
    const nameBytes = utf8Bytes(name)
    const textBytes = utf8Bytes(record.headers[name]!)
    bytes += varintBytes(nameBytes) + nameBytes + varintBytes(textBytes) + textBytes
  }
  return bytes + varintBytes(count)
}

/**
 * One record batch, ready for a produce request; `bodyBytes` are recordBodyBytes of the records, in their order
 * (the caller has them from splitting). `now` in milliseconds since 1970.
 */
export function encodeRecordBatch(
  records: readonly EncodableRecord[],
  bodyBytes: readonly number[],
  origin: BatchOrigin,
  now: number,
): Buffer {
  let size = HEADER_BYTES
  for (let i = 0; i < records.length; i++) {
    const length = bodyBytes[i]! + varintBytes(i)
    size += varintBytes(length) + length
  }
  const batch = Buffer.allocUnsafe(size)
  writeHeader(batch, records.length, origin, now)
  let at = HEADER_BYTES
  for (let i = 0; i < records.length; i++) at = writeRecord(batch, records[i]!, bodyBytes[i]!, i, at)
  if (at !== size) throw new Error(`a record batch of ${size} bytes was written as ${at}`)
  batch.writeUInt32BE(crc32c(batch, CHECKED_FROM), CHECKSUM_AT)
  return batch
}

function writeHeader(batch: Buffer, count: number, origin: BatchOrigin, now: number): void {
  const time = BigInt(now)
  batch.writeBigInt64BE(0n, 0) // base offset: the broker's to give
  batch.writeInt32BE(batch.length - UNCOUNTED_BYTES, 8)
  batch.writeInt32BE(0, 12) // leader epoch: the broker's
  batch.writeInt8(2, 16) // format
  batch.writeInt16BE(0, CHECKED_FROM) // attributes: not compressed, time of creation, no transaction
  batch.writeInt32BE(count - 1, 23)
  batch.writeBigInt64BE(time, 27)
  batch.writeBigInt64BE(time, 35)
  batch.writeBigInt64BE(origin.producerId, 43)
  batch.writeInt16BE(origin.producerEpoch, 51)
  batch.writeInt32BE(origin.firstSequence, 53)
  batch.writeInt32BE(count, 57)
}

function writeRecord(batch: Buffer, record: EncodableRecord, bodyBytes: number, index: number, at: number): number {
  at = writeVarint(batch, bodyBytes + varintBytes(index), at)
  batch[at++] = 0 // attributes
  batch[at++] = 0 // time delta
  at = writeVarint(batch, index, at)
  at = writeBytes(batch, record.key, at)
  at = writeBytes(batch, record.value, at)
  let count = 0
  for (const _ in record.headers) count++
  at = writeVarint(batch, count, at)
  for (const name in record.headers) {
    at = writeBytes(batch, name, at)
    at = writeBytes(batch, record.headers[name]!, at)
  }
  return at
}

function writeBytes(batch: Buffer, value: Uint8Array | string | null, at: number): number {
  if (value === null) return writeVarint(batch, -1, at)
  if (typeof value === 'string') return writeUtf8(batch, value, writeVarint(batch, utf8Bytes(value), at))
  at = writeVarint(batch, value.length, at)
  batch.set(value, at)
  return at + value.length
}

function textOrBytes(value: Buffer | string): number {
  return typeof value === 'string' ? utf8Bytes(value) : value.length
}
