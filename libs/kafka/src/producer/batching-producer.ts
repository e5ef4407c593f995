import type { ClusterLink } from '../client/cluster-link.js'
import { brokerErrorType } from '../client/cluster-link.js'
import { backoffMs } from '../client/backoff.js'
import { pauseFor } from '../client/pause-for.js'
import { within } from '../client/within.js'
import type { KafkaConnection } from '../kafka-connection.js'
import { partitionName } from '../topic-partition.js'
import { type OutgoingRecord, bytesOf, queuedRecord } from './outgoing-record.js'
import { PendingSends } from './pending-sends.js'
import { ProduceFailed } from './produce-failed.js'
import { NO_ORIGIN, ProducerIdentity } from './producer-identity.js'
import { RecordQueue } from './record-queue.js'
import { type ChunkOutcome, type NumberedChunk, roundTrip } from './round-trip.js'

export interface BatchingProducerOptions {
  /**
   * The broker recognises repeats, so that a repeated request stores nothing twice. Not for compacted topics:
   * what such a producer wrote leaves empty batches there that stop other consumers for good.
   */
  idempotent: boolean
  /** A record batch's bound. Default 900 KiB: the broker refuses more than 1 MiB, for all records in it. */
  maxRequestBytes?: number
  /** send() rejects with `timed_out` after this. Unset: repeated until stored, however long the broker is away. */
  deadlineMs?: number
  /** Bytes that may wait; beyond them send() rejects with `buffer_full`. Default 64 MiB. */
  maxBufferedBytes?: number
  /**
   * From one request to the next, at least: what comes meanwhile goes together, and what comes after a pause goes at
   * once. Unset: the next goes when the last is answered. Ms.
   */
  paceMs?: number
}

const MAX_BATCH_BYTES = 900 * 1024
/** Over all partitions: larger requests gain nothing and hold up the small ones behind them. */
const MAX_REQUEST_BYTES = 8 * 1024 * 1024
const MAX_BUFFERED_BYTES = 64 * 1024 * 1024
const BATCH_HEADER_BYTES = 61

/** Without a deadline; a healthy broker answers in milliseconds, one that lost its disk or its quorum never. */
const REQUEST_TIMEOUT_MS = 10_000
const FIRST_BACKOFF_MS = 50
const MAX_BACKOFF_MS = 1_000
const START_WAIT_MS = 3_000
const CLOSE_WAIT_MS = 5_000
const TRANSACTION_TIMEOUT_MS = 60_000

/**
 * Writes records, acknowledged by all replicas, with one request outstanding: what arrives meanwhile goes into the
 * next. A quiet system is quick and a busy one cheap, more so with a pace. Within a partition the order of send() is
 * kept.
 */
export class BatchingProducer {
  private roundsDone = 0
  private readonly link: ClusterLink
  private readonly queue = new RecordQueue()
  private readonly requestTimeoutMs: number
  private readonly maxBackoffMs: number
  private readonly maxBatchBytes: number
  private readonly maxBufferedBytes: number
  private readonly closing = new AbortController()
  private identity: ProducerIdentity | undefined
  private unsettled: NumberedChunk[] = []
  private readonly sends: PendingSends
  private identifying: Promise<void> | undefined
  private pumping: Promise<void> | undefined
  private backoffMs = 0
  private notBefore = 0

  constructor(
    private readonly connection: KafkaConnection,
    private readonly options: BatchingProducerOptions,
  ) {
    // Half the deadline, so that a request lost on a half-open connection is repeated on a new one within it.
    this.requestTimeoutMs = options.deadlineMs ? Math.max(options.deadlineMs / 2, 250) : REQUEST_TIMEOUT_MS
    // Short against the deadline, so that the first send after an outage is not rejected for our own pause.
    this.maxBackoffMs = options.deadlineMs ? Math.min(options.deadlineMs / 8, MAX_BACKOFF_MS) : MAX_BACKOFF_MS
    this.maxBatchBytes = options.maxRequestBytes ?? MAX_BATCH_BYTES
    this.maxBufferedBytes = options.maxBufferedBytes ?? MAX_BUFFERED_BYTES
    this.link = connection.link(this.requestTimeoutMs)
    this.sends = new PendingSends(options.deadlineMs, () => this.queue.dropSettled())
  }

  /** Produce rounds so far, one request per leader each: what batching is judged by. */
  get rounds(): number {
    return this.roundsDone
  }

  /** Connects ahead of the first send. Resolves within 3 s also when the broker is away: then sends connect later. */
  async start(): Promise<void> {
    const until = Date.now() + START_WAIT_MS
    for (let attempt = 0; ; attempt++) {
      try {
        const connecting = this.options.idempotent
          ? this.ensureIdentity([])
          : this.link.run([], () => Promise.resolve())
        return await within(Math.max(until - Date.now(), 1), 'connecting a producer', connecting)
      } catch (error) {
        if (Date.now() < until) await pauseFor(backoffMs(attempt, MAX_BACKOFF_MS))
        else return this.connection.log.warn({ error: String(error) }, 'Kafka is not reachable; sends will connect')
      }
    }
  }

  /** Resolves when all records are acknowledged by all replicas; rejects with ProduceFailed. */
  send(records: OutgoingRecord[]): Promise<void> {
    if (records.length === 0) return Promise.resolve()
    if (this.closing.signal.aborted) return Promise.reject(new ProduceFailed('closed', 'the producer was closed'))
    const send = this.sends.create(records.length)
    const queued = records.map((record) => queuedRecord(record, send))
    const refusal = this.refusalOf(queued.map(bytesOf), records)
    if (refusal) return Promise.reject(refusal)
    for (const record of queued) this.queue.add(record)
    this.sends.watch(send)
    this.pumping ??= this.pump()
    return send.promise
  }

  /** Takes nothing more, writes what was accepted for at most `timeoutMs`, rejects the rest with `closed`. */
  async close(timeoutMs = CLOSE_WAIT_MS): Promise<void> {
    const pumping = this.pumping
    this.closing.abort()
    try {
      if (pumping) await within(timeoutMs, 'closing a producer', pumping)
    } catch (error) {
      this.connection.log.warn({ error: String(error), bytes: this.queue.bytes }, 'records were not written at closing')
    }
    this.sends.failAll(new ProduceFailed('closed', 'the producer was closed before the answer'))
    this.link.close()
  }

  private refusalOf(bytes: number[], records: OutgoingRecord[]): ProduceFailed | undefined {
    const tooLarge = bytes.findIndex((size) => size + BATCH_HEADER_BYTES > this.maxBatchBytes)
    if (tooLarge >= 0) {
      const { topic, key } = records[tooLarge]!
      const text = `a record for ${topic} (key ${key}) takes ${bytes[tooLarge]} bytes, more than ${this.maxBatchBytes}`
      return new ProduceFailed('record_too_large', text)
    }
    const total = bytes.reduce((sum, size) => sum + size, 0)
    // One send larger than the whole buffer is taken when nothing waits, or it could never go.
    if (this.queue.bytes > 0 && this.queue.bytes + total > this.maxBufferedBytes) {
      return new ProduceFailed('buffer_full', `${this.queue.bytes} bytes wait already`)
    }
    return undefined
  }

  private async pump(): Promise<void> {
    // What the same turn of the event loop still sends goes along.
    await Promise.resolve()
    while (!this.queue.isEmpty || this.unsettled.length > 0) {
      await this.keepPace()
      try {
        await this.round()
      } catch (error) {
        this.backOff(error)
      }
      if (this.closing.signal.aborted && this.sends.isEmpty) break
      if (this.backoffMs > 0) await pauseFor(this.backoffMs)
      this.giveUpExpired()
    }
    this.pumping = undefined
  }

  private async keepPace(): Promise<void> {
    const { paceMs } = this.options
    if (!paceMs || this.queue.isSearching) return
    const early = this.notBefore - performance.now()
    if (early > 0) await pauseFor(early, this.closing.signal)
    this.notBefore = performance.now() + paceMs
  }

  private async round(): Promise<void> {
    const lookupFailure = await this.placeUnplaced()
    const topics = this.topicsOfRound()
    if (topics.length > 0) {
      await this.ensureIdentity(topics)
      const chunks = [...this.unsettled, ...this.takeNumbered()]
      this.unsettled = chunks
      if (chunks.length > 0) await this.exchange(chunks)
    }
    if (lookupFailure) throw lookupFailure
  }

  private async exchange(chunks: NumberedChunk[]): Promise<void> {
    this.roundsDone++
    const topics = [...new Set(chunks.map(({ topic }) => topic))]
    const outcomes = await this.link.run(topics, (cluster) => roundTrip(cluster, chunks, this.requestTimeoutMs))
    this.unsettled = []
    let renumber = false
    for (const [chunk, outcome] of outcomes) renumber = this.settle(chunk, outcome) || renumber
    if (renumber) this.spendIdentity()
    await this.mend([...outcomes.values()])
  }

  /** Returns whether the identity is spent with it. */
  private settle(chunk: NumberedChunk, outcome: ChunkOutcome): boolean {
    if (outcome.kind === 'stored') {
      for (const record of chunk.records) {
        this.queue.release(record)
        record.send.acknowledgeOne()
      }
      return false
    }
    if (outcome.kind !== 'refused') {
      this.unsettled.push(chunk)
      return outcome.kind === 'renumber'
    }
    if (chunk.records.length > 1) this.queue.putBackAlone(chunk)
    else {
      const record = chunk.records[0]!
      this.queue.release(record)
      const text = `${chunk.topic}/${chunk.partition} refused a record (key ${record.key}): ${outcome.error.message}`
      record.send.fail(new ProduceFailed('refused', text))
    }
    return true
  }

  /** After failures: new connections where they were lost, newer metadata where a leader has moved. */
  private async mend(outcomes: ChunkOutcome[]): Promise<void> {
    const failed = outcomes.find((outcome) => outcome.kind === 'again' || outcome.kind === 'renumber')
    if (!failed) {
      this.backoffMs = 0
      return
    }
    this.backOff(failed.error)
    if (outcomes.some((outcome) => outcome.kind === 'again' && outcome.connectionLost)) this.link.renew()
    else await this.link.run([], (cluster) => cluster.refreshMetadata())
  }

  private backOff(error: unknown): void {
    if (brokerErrorType(error) === 'UNKNOWN_TOPIC_OR_PARTITION') {
      this.queue.forgetCounts()
      this.link.renew()
    }
    this.backoffMs = Math.min(Math.max(this.backoffMs * 2, FIRST_BACKOFF_MS), this.maxBackoffMs)
    const fields = { error: String(error), bytes: this.queue.bytes, againInMs: this.backoffMs }
    this.connection.log.debug(fields, 'a produce request failed')
    // Once per doubling up to the longest pause: an outage is told early, and not every second for its whole length.
    if (this.backoffMs < this.maxBackoffMs) this.connection.log.warn(fields, 'writing to Kafka fails; trying again')
  }

  private async placeUnplaced(): Promise<unknown> {
    let failure: unknown
    for (const topic of this.queue.unplacedTopics()) {
      try {
        const count = await this.link.run([topic], (cluster) =>
          Promise.resolve(cluster.findTopicPartitionMetadata(topic).length),
        )
        if (count > 0) this.queue.learnCount(topic, count)
      } catch (error) {
        failure = error
      }
    }
    return failure
  }

  private topicsOfRound(): string[] {
    return [...new Set([...this.queue.placedTopics(), ...this.unsettled.map(({ topic }) => topic)])]
  }

  private takeNumbered(): NumberedChunk[] {
    const busy = new Set(this.unsettled.map(partitionName))
    const chunks = this.queue.take(this.maxBatchBytes - BATCH_HEADER_BYTES, MAX_REQUEST_BYTES, busy)
    return chunks.map((chunk) => ({ ...chunk, origin: this.numbersFor(chunk) }))
  }

  private numbersFor(chunk: { topic: string; partition: number; records: unknown[] }): NumberedChunk['origin'] {
    if (!this.options.idempotent) return NO_ORIGIN
    if (!this.identity) throw new Error('a batch was numbered without an identity')
    return this.identity.next(chunk, chunk.records.length)
  }

  /** start() and the first send share one request: a second identity would make the first one's numbers worthless. */
  private ensureIdentity(topics: string[]): Promise<void> {
    if (!this.options.idempotent || this.identity) return Promise.resolve()
    this.identifying ??= this.identify(topics).finally(() => (this.identifying = undefined))
    return this.identifying
  }

  private async identify(topics: string[]): Promise<void> {
    this.identity = await this.link.run(topics, async (cluster) => {
      const broker = await cluster.findControllerBroker()
      const answer = await broker.initProducerId({ transactionTimeout: TRANSACTION_TIMEOUT_MS })
      return new ProducerIdentity(BigInt(answer.producerId), answer.producerEpoch)
    })
    for (const chunk of this.unsettled) chunk.origin = this.numbersFor(chunk)
  }

  /** The next round takes a new one, and numbers the unsettled chunks anew. */
  private spendIdentity(): void {
    this.identity = undefined
  }

  /** A chunk that nobody waits for any more is not repeated; whether it was stored is unknown, so its numbers are spent. */
  private giveUpExpired(): void {
    const wanted = this.unsettled.filter((chunk) => chunk.records.some((record) => !record.send.settled))
    if (wanted.length === this.unsettled.length) return
    for (const chunk of this.unsettled) {
      if (!wanted.includes(chunk)) for (const record of chunk.records) this.queue.release(record)
    }
    this.unsettled = wanted
    this.spendIdentity()
  }
}
