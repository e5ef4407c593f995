import { createRequire } from 'node:module'
import { describe, expect, it } from 'vitest'
import { type DecodedRecord } from '../codec/decode-record-batch.js'
import { encodeRecordBatch, recordBodyBytes } from '../codec/encode-record-batch.js'
import { fetchRequest, fetchResponse } from './fetch-exchange.js'
import { FetchedBatch } from './fetched-batch.js'

/** kafkajs' own files are the measure, each loaded by itself, without our repairs. */
const load = createRequire(import.meta.url)
const stockRequest = load('kafkajs/src/protocol/requests/fetch/v11/request.js')
const StockBatch = load('kafkajs/src/consumer/batch.js')
const Encoder = load('kafkajs/src/protocol/encoder.js')

const limits = {
  maxWaitMs: 250,
  minBytes: 1,
  maxBytes: 10_000_000,
  maxBytesPerPartition: 524_288,
  isolationLevel: 1,
  rackId: '',
}
const topics = [
  { topic: 'deliveries', partitions: [3, 4].map((partition) => ({ partition, fetchOffset: 2 ** 40 + partition })) },
  { topic: 'ungewöhnlich', partitions: [{ partition: 0, fetchOffset: 0 }] },
]

describe('a fetch request', () => {
  it.each(['', 'eu-1a'])('has the bytes that kafkajs gives it, in the rack "%s"', async (rackId) => {
    const { maxWaitMs, maxBytesPerPartition, ...same } = { ...limits, rackId }
    const stock = await stockRequest({
      ...same,
      replicaId: -1,
      maxWaitTime: maxWaitMs,
      topics: topics.map(({ topic, partitions }) => ({
        topic,
        partitions: partitions.map(({ partition, fetchOffset }) => ({
          partition,
          fetchOffset: String(fetchOffset),
          maxBytes: maxBytesPerPartition,
        })),
      })),
    }).encode()
    const ours = await fetchRequest(topics, { ...limits, rackId }).encode()
    expect(ours.buffer).toEqual(Buffer.from(stock.buffer))
  })
})

const origin = { producerId: 1n, producerEpoch: 0, firstSequence: 0 }

function batchOf(...values: string[]): Buffer {
  const records = values.map((value) => ({ key: null, value: Buffer.from(value), headers: {} }))
  return encodeRecordBatch(records, records.map(recordBodyBytes), origin, 1_790_000_000_000)
}

interface Part {
  partition: number
  errorCode?: number
  records?: Buffer
  aborted?: { producerId: number; firstOffset: number }[]
}

function answerOf(parts: Part[], throttleMs = 0): Buffer {
  const body = new Encoder().writeInt32(throttleMs).writeInt16(0).writeInt32(0)
  body.writeInt32(1).writeString('deliveries').writeInt32(parts.length)
  for (const { partition, errorCode = 0, records = Buffer.alloc(0), aborted } of parts) {
    body.writeInt32(partition).writeInt16(errorCode).writeInt64('70').writeInt64('70').writeInt64('0')
    body.writeInt32(aborted?.length ?? -1)
    for (const { producerId, firstOffset } of aborted ?? []) body.writeInt64(producerId).writeInt64(firstOffset)
    body.writeInt32(-1).writeBytes(records)
  }
  return Buffer.from(body.buffer)
}

const refuseCompressed = (): Promise<DecodedRecord[]> => Promise.reject(new Error('nothing here is compressed'))
const read = (payload: Buffer) => fetchResponse(refuseCompressed).decode(payload)
const texts = (records: DecodedRecord[]) => records.map(({ value }) => String(value))

describe('a fetch answer', () => {
  it('tells of the partitions with records, all batches of each, and of the others nothing', async () => {
    const two = Buffer.concat([batchOf('a', 'b'), batchOf('c')])
    const { partitions } = await read(answerOf([{ partition: 1 }, { partition: 2, records: two }, { partition: 3 }]))
    expect(partitions).toMatchObject([
      { topic: 'deliveries', partition: 2, errorCode: 0, highWatermark: 70, aborted: [] },
    ])
    expect(texts(partitions[0]!.records)).toEqual(['a', 'b', 'c'])
  })

  it('leaves out a batch that the size limit has cut off', async () => {
    const cut = Buffer.concat([batchOf('a'), batchOf('b').subarray(0, -1)])
    expect(texts((await read(answerOf([{ partition: 0, records: cut }]))).partitions[0]!.records)).toEqual(['a'])
    const onlyCut = batchOf('b').subarray(0, 40)
    expect((await read(answerOf([{ partition: 0, records: onlyCut }]))).partitions).toEqual([])
  })

  it('tells of a refusal, of transactions that were taken back, and of a broker that wants us to slow down', async () => {
    const aborted = [{ producerId: 9, firstOffset: 5 }]
    const payload = answerOf(
      [
        { partition: 0, errorCode: 1 },
        { partition: 1, records: batchOf('a'), aborted },
      ],
      40,
    )
    const { partitions, clientSideThrottleTime } = await read(payload)
    expect(partitions[0]).toMatchObject({ partition: 0, errorCode: 1, records: [] })
    expect(partitions[1]!.aborted).toEqual([{ producerId: '9', firstOffset: '5' }])
    expect(clientSideThrottleTime).toBe(40)
  })

  it('rejects what ends too early', async () => {
    const payload = answerOf([{ partition: 2, records: batchOf('a') }])
    await expect(read(payload.subarray(0, payload.length - 3))).rejects.toThrow(RangeError)
  })
})

describe('what was fetched of a partition', () => {
  const record = (offset: number, isControlRecord = false) =>
    ({ offset, isControlRecord, batchContext: { producerId: '-1', inTransaction: false } }) as DecodedRecord

  it.each<[string, DecodedRecord[]]>([
    ['records from the offset on that was asked for', [record(5), record(6)]],
    ['records before that offset, which are passed over', [record(3), record(4), record(5)]],
    ['a control record at the end, which carries the offset on', [record(5), record(9, true)]],
    ['nothing but a control record', [record(7, true)]],
    ['nothing but records before that offset', [record(3), record(4)]],
  ])('says of itself what kafkajs’ batch would: %s', (_, records) => {
    const ours = new FetchedBatch('deliveries', 2, 5, 70, records)
    const data = { partition: 2, highWatermark: '70', messages: records, abortedTransactions: [] }
    const stock = new StockBatch('deliveries', '5', data)
    const said = (batch: FetchedBatch) => ({
      messages: batch.messages.map(({ offset }) => offset),
      place: [batch.topic, batch.partition, batch.fetchedOffset, batch.highWatermark],
      isEmpty: [batch.isEmpty(), batch.isEmptyDueToFiltering()],
      offsets: [batch.firstOffset(), batch.lastOffset()].map((offset) => offset && Number(offset)),
      lag: [batch.offsetLag(), batch.offsetLagLow()],
    })
    expect(said(ours)).toEqual(said(stock))
  })
})
