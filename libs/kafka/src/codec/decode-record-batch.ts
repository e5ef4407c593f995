import { VarintReader } from './varint.js'

/** kafkajs' cursor over a fetch response. */
export interface FetchDecoder {
  buffer: Buffer
  offset: number
  forward(bytes: number): void
}

/** What every record of a batch has in common, as far as kafkajs or we look at it. */
interface BatchContext {
  producerId: string
  inTransaction: boolean
}

/** A record in the form that both kafkajs' consumer and ours use: numbers and texts instead of its strings and buffers. */
export interface DecodedRecord {
  offset: number
  timestamp: number
  key: string | null
  value: Buffer | null
  headers: Record<string, string>
  isControlRecord: boolean
  batchContext: BatchContext
}

interface StockRecord {
  offset: string
  timestamp: string
  key: Buffer | null
  value: Buffer | null
  headers: Record<string, Buffer | null | (Buffer | null)[]>
  isControlRecord: boolean
  batchContext: BatchContext
}

export type BatchDecoder = (decoder: FetchDecoder) => Promise<{ records: unknown[] }>

const HEADER_BYTES = 61
const UNCOUNTED_BYTES = 12
const COMPRESSED = 0x07
const APPEND_TIME = 0x08
const IN_TRANSACTION = 0x10
const CONTROL = 0x20

/**
 * Decodes one record batch of a fetch response faster than kafkajs, which makes a buffer per field; compressed
 * ones are left to it. `PartialMessage` is what kafkajs expects for the cut-off batch at a response's end.
 */
export function decodeRecordBatchWith(stock: BatchDecoder, PartialMessage: new (text: string) => Error): BatchDecoder {
  return async (decoder) => {
    const { buffer, offset: start } = decoder
    const batch = recordBatchAt(buffer, start)
    if (!batch) throw new PartialMessage('a record batch is cut off')
    const records = batch.records ?? (await decodeCompressed(stock, decoder, start))
    decoder.offset = batch.end
    return { records }
  }
}

/**
 * The record batch that begins at `start`, and where the next one does. Undefined when the bytes end before it does;
 * without records when they are compressed, see `decodeCompressed`.
 */
export function recordBatchAt(buffer: Buffer, start: number): { end: number; records?: DecodedRecord[] } | undefined {
  if (start + HEADER_BYTES > buffer.length) return undefined
  const end = start + UNCOUNTED_BYTES + buffer.readInt32BE(start + 8)
  if (end > buffer.length) return undefined
  const attributes = buffer.readInt16BE(start + 21)
  if ((attributes & COMPRESSED) !== 0) return { end }
  const records = decodeRecords(buffer, start, attributes)
  reachEndOfBatch(records, buffer, start)
  return { end, records }
}

/** By kafkajs, whose cursor stands at the batch's start and is moved. */
export async function decodeCompressed(
  stock: BatchDecoder,
  cursor: FetchDecoder,
  start: number,
): Promise<DecodedRecord[]> {
  const records = ((await stock(cursor)).records as StockRecord[]).map(fromStock)
  reachEndOfBatch(records, cursor.buffer, start)
  return records
}

function decodeRecords(buffer: Buffer, start: number, attributes: number): DecodedRecord[] {
  const firstOffset = readInt64(buffer, start)
  const firstTimestamp = readInt64(buffer, start + 27)
  const appendTime = (attributes & APPEND_TIME) !== 0 ? readInt64(buffer, start + 35) : undefined
  const isControlRecord = (attributes & CONTROL) !== 0
  const batchContext = contextOf(buffer, start, attributes)
  const count = Math.max(buffer.readInt32BE(start + 57), 0)
  const reader = new VarintReader(buffer, start + HEADER_BYTES)
  const records = new Array<DecodedRecord>(count)
  for (let i = 0; i < count; i++) {
    const length = reader.varint()
    const next = reader.at + length
    reader.at++ // attributes of a record: unused by Kafka
    const timeDelta = reader.varlong()
    const offset = firstOffset + reader.varint()
    const keyLength = reader.varint()
    records[i] = {
      offset,
      timestamp: appendTime ?? firstTimestamp + timeDelta,
      key: keyLength < 0 ? null : reader.text(keyLength),
      value: readValue(reader),
      headers: readHeaders(reader),
      isControlRecord,
      batchContext,
    }
    reader.at = next
  }
  return records
}

/** Copied, because a slice would keep the whole response (megabytes) alive as long as the one record waits. */
function readValue(reader: VarintReader): Buffer | null {
  const length = reader.varint()
  if (length < 0) return null
  const value = Buffer.allocUnsafe(length)
  reader.bytes.copy(value, 0, reader.at, reader.at + length)
  reader.at += length
  return value
}

/** Of headers with the same name the last one counts; a null becomes the empty text. */
function readHeaders(reader: VarintReader): Record<string, string> {
  const headers: Record<string, string> = {}
  for (let left = reader.varint(); left > 0; left--) {
    setHeader(headers, reader.text(reader.varint()), reader.text(reader.varint()))
  }
  return headers
}

function setHeader(headers: Record<string, string>, name: string, value: string): void {
  // Plain assignment to this one name would set the object's prototype instead.
  if (name === '__proto__') Object.defineProperty(headers, name, { value, enumerable: true, configurable: true })
  else headers[name] = value
}

/**
 * Compaction may remove the last records of a batch, or all, and keep its offsets. kafkajs would then ask for
 * the same offset for ever (or advance by one per fetch); a control record at the batch's end, which it skips
 * by itself, carries it over.
 */
function reachEndOfBatch(records: DecodedRecord[], buffer: Buffer, start: number): void {
  const offset = readInt64(buffer, start) + buffer.readInt32BE(start + 23)
  const last = records[records.length - 1]
  if (last && last.offset >= offset) return
  const batchContext = last?.batchContext ?? contextOf(buffer, start, buffer.readInt16BE(start + 21))
  records.push({ offset, timestamp: 0, key: null, value: null, headers: {}, isControlRecord: true, batchContext })
}

function contextOf(buffer: Buffer, start: number, attributes: number): BatchContext {
  return {
    producerId: buffer.readBigInt64BE(start + 43).toString(),
    inTransaction: (attributes & IN_TRANSACTION) !== 0,
  }
}

/** Offsets and times are far below 2^53. */
function readInt64(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at) * 0x100000000 + buffer.readUInt32BE(at + 4)
}

/** A record of kafkajs' own decoder in our form; also what the tests hold ours against. */
export function fromStock(record: StockRecord): DecodedRecord {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(record.headers)) {
    setHeader(headers, name, (Array.isArray(value) ? value.at(-1) : value)?.toString() ?? '')
  }
  return {
    offset: Number(record.offset),
    timestamp: Number(record.timestamp),
    key: record.key?.toString() ?? null,
    value: record.value,
    headers,
    isControlRecord: record.isControlRecord,
    batchContext: { producerId: record.batchContext.producerId, inTransaction: record.batchContext.inTransaction },
  }
}
