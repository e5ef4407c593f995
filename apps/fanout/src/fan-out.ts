import { setTimeout as pause } from 'node:timers/promises'
import { Inject, Injectable } from '@nestjs/common'
import type { AcceptedEvent } from '#domain'
import {
  BatchingProducer,
  type ConsumedRecord,
  ProduceFailed,
  type RecordBatch,
  type TopicPartition,
  UncommittedRecords,
} from '#kafka'
import { LOGGER, type Logger, type Span, Tracing } from '#telemetry'
import {
  type Message,
  TopicMap,
  UndecodableRecord,
  decodeContextEvent,
  encodeDelivery,
  encodeFact,
  encodeUndecodable,
  markPerhapsDoubled,
} from '#topics'
import { type FanOutCounts, FanOutMetrics } from './fan-out-metrics.js'
import { continuedBy, fanOutAttributes } from './fan-out-span.js'
import { planFanOut } from './plan-fan-out.js'
import { Repeats, type RepeatsInRound } from './repeats.js'
import { Subscriptions } from './subscriptions.js'
import { UnknownPast } from './unknown-past.js'
import { type Partitions, type WaitingEvent, WaitingEvents } from './waiting-events.js'

/**
 * What one round writes, but for the rest of its last event's. What came later waits for it, and ten thousand
 * deliveries of one batch of events must not lie in memory at once. Bytes of bodies.
 */
const IN_ONE_ROUND = { records: 5_000, deliveries: 5_000, bytes: 4 * 1024 * 1024 }
/** Of one partition, as they come: more than a fan-out that was killed had fanned out and not committed. */
const MOST_UNCOMMITTED = 20_000
const FIRST_BACKOFF_MS = 100
const LONGEST_BACKOFF_MS = 5_000

interface Round {
  taken: WaitingEvent[]
  messages: Message[]
  bytes: number
  repeats: RepeatsInRound
  counts: FanOutCounts
  /** Of each event, ms since the epoch. */
  acceptedAt: number[]
  eventIds: string[]
  /** Of its events, where they are traced. They end with the round: when what they led to is acknowledged, or failed. */
  spans: Span[]
}

/**
 * Works in rounds: what has arrived from all partitions is matched behind one barrier and written with one request,
 * and what arrives meanwhile makes the next round. A quiet system is quick, and a busy one cheap. A round is bounded, and
 * the accounts take turns in it: the largest burst of an account holds up what others post by no more than its turn.
 */
@Injectable()
export class FanOut {
  readonly #repeats = new Repeats()
  readonly #waiting = new WaitingEvents()
  readonly #uncommitted = new UncommittedRecords(MOST_UNCOMMITTED)
  #rounds: Promise<void> | undefined
  #isDraining = false

  constructor(
    private readonly subscriptions: Subscriptions,
    private readonly past: UnknownPast,
    private readonly producer: BatchingProducer,
    private readonly topics: TopicMap,
    private readonly metrics: FanOutMetrics,
    private readonly tracing: Tracing,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Call once, before the consumer starts. */
  attach(partitions: Partitions): void {
    this.#waiting.attach(partitions)
  }

  /** What the owner before may have fanned out already goes with a mark: dispatchers look it up. */
  takenOver(partitions: readonly TopicPartition[]): void {
    this.#uncommitted.takenOver(partitions)
  }

  /** Takes a batch for the next round. The answer is a promise where the read model is asked first. */
  take(batch: RecordBatch): void | Promise<void> {
    this.#uncommitted.note(batch)
    if (!this.past.concerns(batch)) return this.#add(batch, batch.records)
    return this.past.doneIn(batch, Date.now()).then(
      (done) => {
        for (const record of done) batch.complete(record)
        this.#add(
          batch,
          batch.records.filter((record) => !done.has(record)),
        )
      },
      (error: unknown) => {
        this.metrics.failures.inc()
        throw error
      },
    )
  }

  /** Resolves when nothing waits and no round runs. */
  async idle(): Promise<void> {
    await this.#rounds
  }

  /** Begins no other round; what waits is read again by the next owner. Resolves when the one that runs is done. */
  async drain(): Promise<void> {
    this.#isDraining = true
    await this.idle()
  }

  #add(batch: RecordBatch, records: readonly ConsumedRecord[]): void {
    this.#waiting.add(batch, records)
    this.#rounds ??= this.#run()
  }

  /** Tried again, loudly, for as long as the partitions are ours: nothing is dropped, and it shows as lag. */
  async #run(): Promise<void> {
    // What this turn of the event loop still hands out belongs to the same round.
    await Promise.resolve()
    let backoffMs = FIRST_BACKOFF_MS
    while (!this.#waiting.isEmpty && !this.#isDraining) {
      try {
        await this.#round()
        backoffMs = FIRST_BACKOFF_MS
      } catch (error) {
        this.metrics.failures.inc()
        this.logger.error({ err: error, backoffMs }, 'a round of fan-out failed: tried again')
        await pause(backoffMs)
        backoffMs = Math.min(backoffMs * 2, LONGEST_BACKOFF_MS)
      }
    }
    this.#rounds = undefined
  }

  async #round(): Promise<void> {
    const startedAt = Date.now()
    this.#waiting.lineUp()
    await this.subscriptions.caughtUp()
    const round = this.#newRound()
    const { taken, messages, repeats, counts, acceptedAt, eventIds } = round
    try {
      this.#plan(round, startedAt)
      await this.producer.send(messages)
    } catch (error) {
      this.#waiting.putBack(taken)
      for (const span of round.spans) span.end(error instanceof ProduceFailed ? error.code : 'failure')
      throw error
    }
    if (taken.length === 0) return
    const now = Date.now()
    repeats.remember(now)
    for (const { batch, record } of taken) batch.complete(record)
    for (const span of round.spans) span.end()
    this.metrics.fannedOut(counts, acceptedAt, now)
    this.logger.info({ stage: 'event.fan_out', ...counts, eventIds, ms: now - startedAt }, 'fanned out')
  }

  #newRound(): Round {
    return {
      taken: [],
      messages: [],
      bytes: 0,
      repeats: this.#repeats.newRound(),
      counts: { events: 0, deliveries: 0, repeats: 0, undecodable: 0 },
      acceptedAt: [],
      eventIds: [],
      spans: [],
    }
  }

  #plan(round: Round, now: number): void {
    while (
      round.taken.length < IN_ONE_ROUND.records &&
      round.counts.deliveries < IN_ONE_ROUND.deliveries &&
      round.bytes < IN_ONE_ROUND.bytes
    ) {
      const waiting = this.#waiting.take()
      if (!waiting) break
      round.taken.push(waiting)
      this.#waiting.spent(this.#fanOut(waiting.record, round, now))
    }
  }

  /** @returns how many deliveries the record led to */
  #fanOut(record: ConsumedRecord, round: Round, now: number): number {
    const { counts, messages, repeats } = round
    const accepted = this.#decode(record, round)
    if (!accepted) return 0
    if (repeats.isRepeat(accepted, record, now)) {
      counts.repeats++
      return 0
    }
    const span = this.tracing.start('event.fan_out', accepted.traceparent, now)
    const event = span ? continuedBy(span, accepted) : accepted
    if (span) round.spans.push(span)
    const { deliveries, fact } = planFanOut(event, this.subscriptions.ofAccount(event.accountId), now)
    if (span?.isRecorded) span.describe(fanOutAttributes(fact, record.topic))
    const isPerhapsDoubled = this.#uncommitted.has(record)
    for (const delivery of deliveries) {
      const message = encodeDelivery(this.topics.deliveries, delivery)
      messages.push(isPerhapsDoubled ? markPerhapsDoubled(message) : message)
    }
    messages.push(encodeFact(this.topics.deliveryLog, fact))
    counts.events++
    counts.deliveries += deliveries.length
    round.bytes += (deliveries.length + 1) * event.body.length
    round.acceptedAt.push(event.acceptedAt)
    round.eventIds.push(event.id)
    return deliveries.length
  }

  /** What cannot be read goes to the dead letters with its reason; the partition moves on. */
  #decode(record: ConsumedRecord, round: Round): AcceptedEvent | undefined {
    const { counts, messages } = round
    try {
      return decodeContextEvent(record)
    } catch (error) {
      if (!(error instanceof UndecodableRecord)) throw error
      counts.undecodable++
      messages.push(encodeUndecodable(this.topics.deadLetter, record, record, error.message))
      round.bytes += record.value?.length ?? 0
      const { topic, partition, offset } = record
      this.logger.error({ topic, partition, offset, problem: error.message }, 'undecodable record: to the dead letters')
      return undefined
    }
  }
}
