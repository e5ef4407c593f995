import { type DecodedRecord, recordBatchAt } from '../codec/decode-record-batch.js'

export interface PartitionRequest {
  partition: number
  fetchOffset: number
}

export interface TopicRequest {
  topic: string
  partitions: PartitionRequest[]
}

/** Times in ms, sizes in bytes. */
export interface FetchLimits {
  maxWaitMs: number
  minBytes: number
  maxBytes: number
  maxBytesPerPartition: number
  isolationLevel: number
  rackId: string
}

/** What came of one partition that has records, or that the broker refused; of the others nothing is told. */
export interface FetchedPartition {
  topic: string
  partition: number
  /** The broker's, 0 for none. */
  errorCode: number
  highWatermark: number
  records: DecodedRecord[]
  /** Records of transactions that somebody took back are among the records. */
  aborted: { producerId: string; firstOffset: string }[]
}

export interface FetchAnswer {
  partitions: FetchedPartition[]
}

/** Decodes the record batch at `start` that is compressed. */
export type CompressedDecoder = (bytes: Buffer, start: number) => Promise<DecodedRecord[]>

const FETCH = 1
/** Understood by every broker since 2.3 and by 4.x. */
const VERSION = 11
const CONSUMER = -1
const NO_SESSION = 0
const OUTSIDE_SESSIONS = -1
const ANY_LEADER_EPOCH = -1
/** Replicas have one, consumers do not. */
const NO_LOG_START = -1n

/**
 * A fetch request of a consumer, for kafkajs' connection. kafkajs itself would shuffle the partitions, so that none is
 * always last when `maxBytes` is reached, and name each one's topic anew; the caller turns the order instead.
 */
export function fetchRequest(topics: readonly TopicRequest[], limits: FetchLimits) {
  return {
    apiKey: FETCH,
    apiVersion: VERSION,
    apiName: 'Fetch',
    encode: () => {
      const buffer = encode(topics, limits)
      return Promise.resolve({ buf: buffer, buffer })
    },
  }
}

function encode(topics: readonly TopicRequest[], limits: FetchLimits): Buffer {
  const names = topics.map(({ topic }) => Buffer.from(topic))
  const rack = Buffer.from(limits.rackId)
  const count = topics.reduce((sum, { partitions }) => sum + partitions.length, 0)
  const nameBytes = names.reduce((sum, name) => sum + 6 + name.length, 0)
  const body = Buffer.allocUnsafe(35 + rack.length + nameBytes + 28 * count)
  let at = body.writeInt32BE(CONSUMER)
  at = body.writeInt32BE(Math.ceil(limits.maxWaitMs), at)
  at = body.writeInt32BE(limits.minBytes, at)
  at = body.writeInt32BE(limits.maxBytes, at)
  at = body.writeInt8(limits.isolationLevel, at)
  at = body.writeInt32BE(NO_SESSION, at)
  at = body.writeInt32BE(OUTSIDE_SESSIONS, at)
  at = body.writeInt32BE(topics.length, at)
  for (const [index, { partitions }] of topics.entries()) {
    at = writeText(body, names[index]!, at)
    at = body.writeInt32BE(partitions.length, at)
    for (const { partition, fetchOffset } of partitions) {
      at = body.writeInt32BE(partition, at)
      at = body.writeInt32BE(ANY_LEADER_EPOCH, at)
      at = body.writeBigInt64BE(BigInt(fetchOffset), at)
      at = body.writeBigInt64BE(NO_LOG_START, at)
      at = body.writeInt32BE(limits.maxBytesPerPartition, at)
    }
  }
  at = body.writeInt32BE(0, at) // topics to forget, of a session
  writeText(body, rack, at)
  return body
}

function writeText(body: Buffer, text: Buffer, at: number): number {
  const start = body.writeInt16BE(text.length, at)
  return start + text.copy(body, start)
}

/** Reads an answer without a promise per partition. Rejects with a RangeError when it is no answer to version 11. */
export function fetchResponse(decodeCompressed: CompressedDecoder) {
  return {
    decode: (payload: Buffer) => decode(payload, decodeCompressed),
    parse: (answer: unknown) => Promise.resolve(answer),
  }
}

async function decode(payload: Buffer, decodeCompressed: CompressedDecoder): Promise<FetchAnswer & Throttled> {
  const reader = new AnswerReader(payload)
  const throttleMs = reader.int32()
  reader.skip(6) // an error of the session and its id: we have none
  const partitions: FetchedPartition[] = []
  for (let topics = reader.int32(); topics > 0; topics--) {
    const topic = reader.text(reader.int16())
    for (let left = reader.int32(); left > 0; left--) {
      const partition = reader.int32()
      const errorCode = reader.int16()
      const highWatermark = reader.int64()
      reader.skip(16) // last stable offset, start of the log
      const aborted = readAborted(reader)
      reader.skip(4) // the preferred replica: we name no rack
      const bytes = reader.bytes(reader.int32())
      if (bytes.length === 0 && errorCode === 0) continue
      const records = await decodeRecords(bytes, decodeCompressed)
      if (records.length === 0 && errorCode === 0) continue
      partitions.push({ topic, partition, errorCode, highWatermark, records, aborted })
    }
  }
  return { clientSideThrottleTime: throttleMs, partitions }
}

function readAborted(reader: AnswerReader): FetchedPartition['aborted'] {
  const aborted: FetchedPartition['aborted'] = []
  for (let left = reader.int32(); left > 0; left--) {
    aborted.push({ producerId: String(reader.int64()), firstOffset: String(reader.int64()) })
  }
  return aborted
}

/** What kafkajs' connection looks at to hold itself back. */
interface Throttled {
  clientSideThrottleTime: number
}

async function decodeRecords(bytes: Buffer, decodeCompressed: CompressedDecoder): Promise<DecodedRecord[]> {
  let all: DecodedRecord[] | undefined
  for (let at = 0; ;) {
    const batch = recordBatchAt(bytes, at)
    // The last one may be cut off by the size limit, and comes whole with the next fetch.
    if (!batch) return all ?? []
    const records = batch.records ?? (await decodeCompressed(bytes, at))
    if (all) for (const record of records) all.push(record)
    else all = records
    at = batch.end
  }
}

class AnswerReader {
  private at = 0

  constructor(private readonly payload: Buffer) {}

  int16(): number {
    this.at += 2
    return this.payload.readInt16BE(this.at - 2)
  }

  int32(): number {
    this.at += 4
    return this.payload.readInt32BE(this.at - 4)
  }

  int64(): number {
    return this.int32() * 0x100000000 + (this.int32() >>> 0)
  }

  text(length: number): string {
    return this.bytes(length).toString('utf8')
  }

  /** None where the length is negative, which stands for null. */
  bytes(length: number): Buffer {
    const start = this.at
    this.skip(Math.max(length, 0))
    return this.payload.subarray(start, this.at)
  }

  skip(bytes: number): void {
    this.at += bytes
    if (this.at > this.payload.length) throw new RangeError('a fetch answer is cut off')
  }
}
