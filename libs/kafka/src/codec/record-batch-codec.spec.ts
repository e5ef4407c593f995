import { createRequire } from 'node:module'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc32c } from './crc32c.js'
import { type BatchDecoder, decodeRecordBatchWith, type FetchDecoder, fromStock } from './decode-record-batch.js'
import { type BatchOrigin, encodeRecordBatch, recordBodyBytes } from './encode-record-batch.js'

/** kafkajs' own codec is the measure; each of its files is loaded by itself here, without our repairs. */
const load = createRequire(import.meta.url)
const stockRecord = load('kafkajs/src/protocol/recordBatch/record/v0/index.js')
const { RecordBatch: stockBatch } = load('kafkajs/src/protocol/recordBatch/v0/index.js')
const stockDecoder: BatchDecoder = load('kafkajs/src/protocol/recordBatch/v0/decoder.js')
const StockCursor: new (bytes: Buffer) => FetchDecoder = load('kafkajs/src/protocol/decoder.js')
const { KafkaJSPartialMessageError } = load('kafkajs/src/errors.js')
const ourDecoder = decodeRecordBatchWith(stockDecoder, KafkaJSPartialMessageError)

const now = 1_790_000_000_000
const origin: BatchOrigin = { producerId: 4_711n, producerEpoch: 3, firstSequence: 2_000_000_000 }

interface TestRecord {
  key: Buffer | null
  value: Buffer | string | null
  headers: Record<string, string>
  timestampDelta?: number
}

function encodeWithOurs(records: TestRecord[], from = origin): Buffer {
  return encodeRecordBatch(records, records.map(recordBodyBytes), from, now)
}

async function encodeWithStock(records: TestRecord[], compression = 0): Promise<Buffer> {
  const batch = await stockBatch({
    compression,
    firstTimestamp: now,
    maxTimestamp: now,
    producerId: String(origin.producerId),
    producerEpoch: origin.producerEpoch,
    firstSequence: origin.firstSequence,
    lastOffsetDelta: records.length - 1,
    records: records.map((record, offsetDelta) => stockRecord({ ...record, offsetDelta })),
  })
  return Buffer.from(batch.buffer)
}

async function decodeWithBoth(bytes: Buffer) {
  const cursor = new StockCursor(bytes)
  const ours = await ourDecoder(cursor)
  const stock = await stockDecoder(new StockCursor(bytes))
  return { ours: ours.records, stock: stock.records.map((record) => fromStock(record as never)), end: cursor.offset }
}

const text = fc.oneof(
  fc.string({ maxLength: 80 }),
  fc.string({ unit: 'grapheme', maxLength: 50 }),
  fc.constant('ÿ'.repeat(64)),
)
const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array))
const records = fc.array(
  fc.record({
    key: fc.option(text.map((key) => Buffer.from(key))),
    value: fc.option(fc.oneof(bytes, text)),
    headers: fc.dictionary(text, text, { maxKeys: 6 }),
  }),
  { minLength: 1, maxLength: 150 },
)

describe('the record codec', () => {
  it('writes the same bytes as kafkajs', async () => {
    await fc.assert(
      fc.asyncProperty(records, async (some) => {
        expect(encodeWithOurs(some).equals(await encodeWithStock(some))).toBe(true)
      }),
      { numRuns: 150 },
    )
  })

  it('reads the same records as kafkajs, compressed or not', async () => {
    await fc.assert(
      fc.asyncProperty(records, fc.constantFrom(0, 1), async (some, compression) => {
        const { ours, stock, end } = await decodeWithBoth(await encodeWithStock(some, compression))
        expect(ours).toEqual(stock)
        expect(end).toBeGreaterThan(60)
      }),
      { numRuns: 150 },
    )
  })

  it('reads back what it wrote, large values and null ones included', async () => {
    const some: TestRecord[] = [
      { key: Buffer.from('whk_1'), value: 'ü'.repeat(70_000), headers: { 'retry-after': '', ä: 'ö' } },
      { key: null, value: null, headers: {} },
      { key: Buffer.alloc(0), value: Buffer.alloc(0), headers: { ['__proto__']: 'kept' } },
    ]
    const { records: read } = (await ourDecoder(new StockCursor(encodeWithOurs(some)))) as { records: TestRecord[] }
    expect(read.map(({ key, value }) => ({ key: key?.toString(), value: value?.toString() }))).toEqual([
      { key: 'whk_1', value: 'ü'.repeat(70_000) },
      { key: undefined, value: undefined },
      { key: '', value: '' },
    ])
    expect(Object.entries(read[2]!.headers)).toEqual([['__proto__', 'kept']])
    expect(Object.getPrototypeOf(read[2]!.headers)).toBe(Object.prototype)
  })

  it('takes the time of append where the broker wrote it', async () => {
    const batch = encodeWithOurs([{ key: null, value: 'a', headers: {} }])
    batch.writeInt16BE(0x08, 21)
    batch.writeBigInt64BE(BigInt(now + 5), 35)
    const { ours, stock } = await decodeWithBoth(batch)
    expect(ours).toEqual(stock)
    expect(ours).toMatchObject([{ timestamp: now + 5 }])
  })

  it('reads times before and after that of the batch, however far', async () => {
    const deltas = [0, -1, 1, -64, 64, -5_000_000_000, 5_000_000_000]
    const some = deltas.map((timestampDelta) => ({ key: null, value: 'a', headers: {}, timestampDelta }))
    const { ours, stock } = await decodeWithBoth(await encodeWithStock(some))
    expect(ours).toEqual(stock)
    expect(ours).toMatchObject(deltas.map((delta) => ({ timestamp: now + delta })))
  })

  it('reads control records as such, with offsets beyond 32 bits', async () => {
    const batch = encodeWithOurs([{ key: Buffer.alloc(4), value: 'marker', headers: {} }])
    batch.writeBigInt64BE(5_000_000_000n, 0)
    batch.writeInt16BE(0x30, 21)
    const { ours, stock } = await decodeWithBoth(batch)
    expect(ours).toEqual(stock)
    expect(ours).toMatchObject([
      { isControlRecord: true, offset: 5_000_000_000, batchContext: { inTransaction: true } },
    ])
  })

  it('leaves a batch that is cut off at the end of the response to kafkajs', async () => {
    const batch = encodeWithOurs([{ key: null, value: 'a', headers: {} }])
    const cut = ourDecoder(new StockCursor(batch.subarray(0, batch.length - 1)))
    await expect(cut).rejects.toBeInstanceOf(KafkaJSPartialMessageError)
  })

  it('carries over the offsets that compaction has emptied at the end of a batch', async () => {
    const batch = encodeWithOurs([{ key: null, value: 'a', headers: {} }])
    batch.writeBigInt64BE(40n, 0)
    batch.writeInt32BE(9, 23)
    const { records: partly } = await ourDecoder(new StockCursor(batch))
    expect(partly).toMatchObject([
      { offset: 40, isControlRecord: false },
      { offset: 49, isControlRecord: true },
    ])
    batch.writeInt32BE(0, 57)
    const { records: none } = await ourDecoder(new StockCursor(batch))
    expect(none).toMatchObject([{ offset: 49, isControlRecord: true }])
    // Nothing is left but what stands before the records, and it ends with the response.
    const emptied = batch.subarray(0, 61)
    emptied.writeInt32BE(emptied.length - 12, 8)
    const { records: still } = await ourDecoder(new StockCursor(emptied))
    expect(still).toMatchObject([{ offset: 49, isControlRecord: true }])
  })

  it('does not keep the response alive through a value', async () => {
    const batch = Buffer.from(
      new Uint8Array(encodeWithOurs([{ key: null, value: 'a'.repeat(9_000), headers: {} }])).buffer,
    )
    const { records: read } = (await ourDecoder(new StockCursor(batch))) as { records: { value: Buffer }[] }
    expect(read[0]!.value.buffer).not.toBe(batch.buffer)
  })
})

describe('crc32c', () => {
  it('gives the published check value', () => {
    expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
  })

  it('equals kafkajs for every length and start', () => {
    const stock: (bytes: Buffer) => number = load('kafkajs/src/protocol/recordBatch/crc32C/index.js')
    fc.assert(
      fc.property(bytes, fc.nat(20), (some, start) => {
        expect(crc32c(some, Math.min(start, some.length))).toBe(stock(some.subarray(Math.min(start, some.length))))
      }),
    )
  })
})
