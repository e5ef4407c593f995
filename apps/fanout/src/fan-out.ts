import { setTimeout as pause } from 'node:timers/promises'
import { Inject, Injectable } from '@nestjs/common'
import type { AcceptedEvent } from '#domain'
import { BatchingProducer, type ConsumedRecord, type RecordBatch } from '#kafka'
import { LOGGER, type Logger } from '#telemetry'
import {
  type Message,
  TopicMap,
  UndecodableRecord,
  decodeContextEvent,
  encodeDelivery,
  encodeFact,
  encodeUndecodable,
} from '#topics'
import { type FanOutCounts, FanOutMetrics } from './fan-out-metrics.js'
import { planFanOut } from './plan-fan-out.js'
import { Repeats, type RepeatsInBatch } from './repeats.js'
import { Subscriptions } from './subscriptions.js'
import { UnknownPast } from './unknown-past.js'

/** Ten thousand deliveries of one batch of events must not lie in memory at once. Bytes of bodies. */
const SLICE_BYTES = 4 * 1024 * 1024
/** Beyond either reading stops until the round that runs is done; a round takes all of it. */
const MOST_WAITING = { records: 5_000, bytes: 16 * 1024 * 1024 }
const FIRST_BACKOFF_MS = 100
const LONGEST_BACKOFF_MS = 5_000

/**
 * Works in rounds: what has arrived from all partitions is matched behind one barrier and written with one request,
 * and what arrives meanwhile makes the next round. A quiet system is quick, and a busy one cheap.
 */
@Injectable()
export class FanOut {
  readonly #repeats = new Repeats()
  #waiting: RecordBatch[] = []
  #waitingRecords = 0
  #waitingBytes = 0
  #rounds: Promise<void> | undefined

  constructor(
    private readonly subscriptions: Subscriptions,
    private readonly past: UnknownPast,
    private readonly producer: BatchingProducer,
    private readonly topics: TopicMap,
    private readonly metrics: FanOutMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Takes a batch for the next round. With too much waiting the answer is a promise, and reading waits for it. */
  take(batch: RecordBatch): void | Promise<void> {
    this.#waiting.push(batch)
    this.#waitingRecords += batch.records.length
    this.#waitingBytes += bytesIn(batch)
    this.#rounds ??= this.#run()
    const isFull = this.#waitingRecords > MOST_WAITING.records || this.#waitingBytes > MOST_WAITING.bytes
    if (isFull) return this.#rounds
  }

  /** Resolves when nothing waits and no round runs. */
  async idle(): Promise<void> {
    await this.#rounds
  }

  async #run(): Promise<void> {
    // What this turn of the event loop still hands out belongs to the same round.
    await Promise.resolve()
    while (this.#waiting.length > 0) await this.#roundUntilDone(this.#takeAll())
    this.#rounds = undefined
  }

  #takeAll(): RecordBatch[] {
    this.#waitingRecords = this.#waitingBytes = 0
    return this.#waiting.splice(0)
  }

  /** Tried again, loudly, for as long as the partitions are ours: nothing is dropped, and it shows as lag. */
  async #roundUntilDone(batches: RecordBatch[]): Promise<void> {
    for (let backoffMs = FIRST_BACKOFF_MS; ; backoffMs = Math.min(backoffMs * 2, LONGEST_BACKOFF_MS)) {
      const owned = batches.filter((batch) => batch.isOwned())
      try {
        if (owned.length > 0) await this.#round(owned)
        return
      } catch (error) {
        this.metrics.failures.inc()
        this.logger.error({ err: error, batches: owned.length, backoffMs }, 'a round of fan-out failed: tried again')
      }
      await pause(backoffMs)
    }
  }

  async #round(batches: RecordBatch[]): Promise<void> {
    const startedAt = Date.now()
    const done = await this.past.doneAmong(batches, startedAt)
    await this.subscriptions.caughtUp()
    const counts: FanOutCounts = { events: 0, deliveries: 0, repeats: 0, undecodable: 0 }
    const acceptedAt: number[] = []
    const repeats = new Map<number, RepeatsInBatch>()
    let slice: Message[] = []
    let sliceBytes = 0
    for (const { records, partition } of batches) {
      const seen = repeats.get(partition) ?? this.#repeats.newBatch(partition)
      repeats.set(partition, seen)
      for (const record of records) {
        if (done.has(record)) continue
        const event = this.#decode(record, slice, counts)
        if (!event) continue
        if (seen.isRepeat(event, record.offset, startedAt)) {
          counts.repeats++
          continue
        }
        const deliveries = this.#fanOut(event, slice, startedAt)
        counts.events++
        counts.deliveries += deliveries
        acceptedAt.push(event.acceptedAt)
        sliceBytes += (deliveries + 1) * event.body.length
        if (sliceBytes > SLICE_BYTES) {
          await this.producer.send(slice)
          slice = []
          sliceBytes = 0
        }
      }
    }
    await this.producer.send(slice)
    const now = Date.now()
    for (const seen of repeats.values()) seen.remember(now)
    for (const batch of batches) batch.completeAll()
    this.metrics.fannedOut(counts, acceptedAt, now)
    this.logger.info({ stage: 'event.fan_out', partitions: repeats.size, ...counts, ms: now - startedAt }, 'fanned out')
  }

  /** @returns how many deliveries the event led to */
  #fanOut(event: AcceptedEvent, slice: Message[], now: number): number {
    const { deliveries, fact } = planFanOut(event, this.subscriptions.ofAccount(event.accountId), now)
    for (const delivery of deliveries) slice.push(encodeDelivery(this.topics.deliveries, delivery))
    slice.push(encodeFact(this.topics.deliveryLog, fact))
    return deliveries.length
  }

  /** What cannot be read goes to the dead letters with its reason; the partition moves on. */
  #decode(record: ConsumedRecord, slice: Message[], counts: FanOutCounts): AcceptedEvent | undefined {
    try {
      return decodeContextEvent(record)
    } catch (error) {
      if (!(error instanceof UndecodableRecord)) throw error
      counts.undecodable++
      slice.push(encodeUndecodable(this.topics.deadLetter, record, record, error.message))
      const { topic, partition, offset } = record
      this.logger.error({ topic, partition, offset, problem: error.message }, 'undecodable record: to the dead letters')
      return undefined
    }
  }
}

function bytesIn({ records }: RecordBatch): number {
  return records.reduce((sum, { value }) => sum + (value?.length ?? 0), 0)
}
