import { Inject, Injectable } from '@nestjs/common'
import type { Lane } from '#domain'
import { type ConsumedRecord, LogReader, type RecordBatch } from '#kafka'
import { LOGGER, type Logger } from '#telemetry'
import { Dispatch } from './dispatch.js'
import { DispatchMetrics } from './dispatch-metrics.js'
import { LeftRecords } from './left-records.js'
import { MemoryBounds } from './memory-bounds.js'

/** Of what the process may hold live: beyond it a lane that has plenty gets nothing more. */
const CROWDED = 1 / 4
/** Shared by the webhooks that have something left, so that each holds as much as it works off in a moment. Records. */
const HELD_BY_ALL = 5_000
const LEAST_HELD = 64
/** A lane that would take longer puts off instead: what is left holds up the committed offset, and a restart reads it. Ms. */
const LONGEST_WAIT_MS = 60_000
/** One that has become so slow since. Ms. */
const TOO_LONG_MS = 180_000
/** From the oldest that is left to the newest read: what passed by is complete, and kept with each commit. */
const MOST_PASSED_BY = 50_000
const LOOK_EVERY_MS = 20
const AFTER_FAILURE_MS = 1_000

interface Partition {
  topic: string
  partition: number
  batch: RecordBatch
  left: LeftRecords
}

/**
 * Deliveries to webhooks that have plenty waiting stay in the log where they are, and are read again when their lane has
 * room. So a burst of a hundred thousand is passed by in the time that reading takes, and what came behind it is not
 * late. Taken in, it would fill the process and stop all reading; put off into a tier, each is written once more, and
 * that takes nearly as long as to deliver it.
 *
 * Only what will have its turn soon is left. What is left is not complete: whoever owns the partition next reads it.
 */
@Injectable()
export class LeftInLog {
  readonly #partitions = new Map<string, Partition>()
  #take: (record: ConsumedRecord, batch: RecordBatch) => void = () => undefined
  #timer: NodeJS.Timeout | undefined
  #isStopped = false

  constructor(
    private readonly dispatch: Dispatch,
    private readonly memory: MemoryBounds,
    private readonly reader: LogReader,
    metrics: DispatchMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    metrics.observeLeftInLog(() => this.#sum(({ left }) => left.count))
  }

  /** `take`: the turn of a record that was left has come. */
  listen(take: (record: ConsumedRecord, batch: RecordBatch) => void): void {
    this.#take = take
  }

  /** Takes what is not left in the log. */
  sift(batch: RecordBatch): void {
    const now = Date.now()
    const kept = batch.withoutRecords()
    let partition = this.#partitions.get(nameOf(batch))
    // Lost, and back: what was known of it is its records from then.
    if (partition && !partition.batch.isOwned()) partition = undefined
    for (const record of batch.records) {
      if (!this.#mayStay(record, partition?.left, now)) {
        this.#take(record, kept)
        continue
      }
      if (!partition) {
        partition = { topic: batch.topic, partition: batch.partition, batch: kept, left: new LeftRecords() }
        this.#partitions.set(nameOf(batch), partition)
      }
      partition.left.add(record.offset, record.key!)
    }
    if (partition) this.#timer ??= setTimeout(() => void this.#readAgain(), LOOK_EVERY_MS)
  }

  /** Forgets what other processes own now. */
  dropLost(): void {
    for (const [name, { batch }] of this.#partitions) if (!batch.isOwned()) this.#partitions.delete(name)
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  /** First attempts alone: a test, or a chain that replaces another one, is worth taking in at once. */
  #mayStay({ key, headers, offset }: ConsumedRecord, left: LeftRecords | undefined, now: number): boolean {
    if (!key || headers.trigger !== 'automatic' || headers.chain !== '0') return false
    const before = left?.of(key) ?? 0
    const lane = this.dispatch.laneState(key)
    if (!lane || lane.isBlocked(now) || lane.waitMs(before) > LONGEST_WAIT_MS) return false
    if (left && left.spanTo(offset) > MOST_PASSED_BY) return false
    return before > 0 || lane.isFull || (lane.queued >= LEAST_HELD && this.#liveShare > CROWDED)
  }

  /** Goes on while anything is left. Never rejects. */
  async #readAgain(): Promise<void> {
    let lookAgainIn = LOOK_EVERY_MS
    for (const partition of [...this.#partitions.values()]) {
      if (!this.#isHungry(partition)) continue
      try {
        await this.#readPortion(partition)
      } catch (error) {
        const { topic, partition: index } = partition
        this.logger.error(
          { err: error, topic, partition: index },
          'what was left in the log cannot be read: again soon',
        )
        lookAgainIn = AFTER_FAILURE_MS
      }
      if (partition.left.count === 0) this.#forget(partition)
    }
    const goesOn = this.#partitions.size > 0 && !this.#isStopped
    this.#timer = goesOn ? setTimeout(() => void this.#readAgain(), lookAgainIn) : undefined
  }

  /** One portion, from the oldest record on whose lane has room. */
  async #readPortion(partition: Partition): Promise<void> {
    const { topic, partition: index, left } = partition
    const withRoom = new Set([...left.webhookIds].filter((webhookId) => this.#hasRoom(webhookId, left)))
    const stretch = left.stretch((webhookId) => withRoom.has(webhookId))
    if (!stretch) return
    await this.reader.read({ topic, partition: index, ...stretch }, (records) => {
      this.#takeFrom(partition, stretch.from, records)
      return records.length === 0
    })
  }

  #takeFrom(partition: Partition, from: number, records: readonly ConsumedRecord[]): void {
    const { left, batch } = partition
    const last = records.at(-1)
    // It was lost while the broker answered: its new owner reads the same records.
    if (!last || this.#partitions.get(nameOf(partition)) !== partition || !batch.isOwned()) return
    const byOffset = new Map(records.map((record) => [record.offset, record]))
    left.takeBetween(from, last.offset, ({ offset, webhookId }) => {
      const record = byOffset.get(offset)
      if (!record) {
        const { topic, partition: index } = partition
        this.logger.error({ topic, partition: index, offset, webhookId }, 'a record is gone that was left in the log')
        batch.complete({ topic, partition: index, offset, key: null, value: null, headers: {}, timestamp: 0 })
        return true
      }
      if (!this.#hasRoom(webhookId, left)) return false
      this.#take(record, batch)
      return true
    })
  }

  #isHungry({ left }: Partition): boolean {
    const now = Date.now()
    for (const webhookId of left.webhookIds) {
      const lane = this.dispatch.laneState(webhookId)
      if (!lane || this.#isOver(lane, left.of(webhookId), now)) return !this.memory.live.isFull
      if (lane.queued <= this.#roomIn(lane) / 2) return !this.memory.live.isFull
    }
    return false
  }

  #hasRoom(webhookId: string, left: LeftRecords): boolean {
    if (this.memory.live.isFull) return false
    const lane = this.dispatch.laneState(webhookId)
    return !lane || lane.queued < this.#roomIn(lane) || this.#isOver(lane, left.of(webhookId), Date.now())
  }

  /** It stopped, or became slow: what is left is taken in, to be put off. */
  #isOver(lane: Lane, left: number, now: number): boolean {
    return lane.isBlocked(now) || lane.waitMs(left) > TOO_LONG_MS
  }

  #roomIn(lane: Lane): number {
    const share =
      HELD_BY_ALL /
      Math.max(
        1,
        this.#sum(({ left }) => left.webhooks),
      )
    return Math.min(lane.capacity, this.#liveShare < 2 * CROWDED ? Math.max(LEAST_HELD, share) : LEAST_HELD)
  }

  get #liveShare(): number {
    return this.memory.live.shareWithout({ records: 0, bytes: 0 })
  }

  #sum(of: (partition: Partition) => number): number {
    let sum = 0
    for (const partition of this.#partitions.values()) sum += of(partition)
    return sum
  }

  #forget(partition: Partition): void {
    if (this.#partitions.get(nameOf(partition)) === partition) this.#partitions.delete(nameOf(partition))
  }
}

function nameOf({ topic, partition }: { topic: string; partition: number }): string {
  return `${topic}/${partition}`
}
