import { Inject, Injectable } from '@nestjs/common'
import { type ConsumedRecord, LogReader, type RecordBatch, partitionName } from '#kafka'
import { LOGGER, type Logger } from '#telemetry'
import { Lanes } from '../lanes/lanes.js'
import { DispatchMetrics } from '../dispatch-metrics.js'
import { LeftRecords } from './left-records.js'
import { MemoryBounds } from '../memory-bounds.js'

/** Of what the process may hold live: beyond it a lane that has plenty gets nothing more. */
const CROWDED = 1 / 4
/** Shared by the webhooks that have something left, so that each holds as much as it works off in a moment. Records. */
const HELD_BY_ALL = 5_000
const LEAST_HELD = 64
/** By its own rate; a lane that would take longer puts off instead. Ms. */
const LONGEST_WAIT_MS = 60_000
/** What was left for so long, since its lane became slow or others take its turns, is taken in and put off. Ms. */
const LONGEST_LEFT_MS = 120_000
/** From the oldest that is left to the newest read: a new owner reads all of it again. */
const MOST_PASSED_BY = 100_000
const LOOK_EVERY_MS = 20
/** Of one partition, one after the other: with large bodies a portion holds only some records. */
const PORTIONS_A_LOOK = 8
/** A portion that gave less ends the look: webhooks that have drifted apart each have their own. */
const WORTH_ANOTHER = 10
/** Of what the process may hold live: the rest is for what is not left, and is not put off to make room. */
const MOST_TAKEN_IN = 3 / 4
/** A lane that holds no more is never refused: many that hang may keep the process above that for hours. Records. */
const NEARLY_NOTHING = 16
const AFTER_FAILURE_MS = 1_000

interface Partition {
  /** Its place and its holding. */
  batch: RecordBatch
  left: LeftRecords
  /** The newest offset that was read. */
  readTo: number
  isReading: boolean
}

/**
 * Deliveries to webhooks that have plenty waiting stay in the log where they are, and are read again when their lane has
 * room. So a burst of a hundred thousand is passed by in the time that reading takes, and what came behind it is not
 * late. Taken in, it would fill the process and stop all reading; put off into a tier, each is written once more, and
 * that takes nearly as long as to deliver it.
 *
 * What is left is not complete: whoever owns the partition next reads it. It is bounded in time and in what passes it by,
 * since it holds up the committed offset, and ends where a commit can no longer name what passed by.
 */
@Injectable()
export class LeftInLog {
  readonly #partitions = new Map<string, Partition>()
  #take: (record: ConsumedRecord, batch: RecordBatch) => void = () => undefined
  #timer: NodeJS.Timeout | undefined
  #isStopped = false

  constructor(
    private readonly lanes: Lanes,
    private readonly memory: MemoryBounds,
    private readonly reader: LogReader,
    metrics: DispatchMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    metrics.observeLeftInLog(() => this.#sum(({ left }) => left.count))
  }

  /** `take`: the turn of a record has come. */
  listen(take: (record: ConsumedRecord, batch: RecordBatch) => void): void {
    this.#take = take
  }

  /** Takes what is not left in the log. For the topic of first attempts. @param records those of the batch, or some */
  sift(batch: RecordBatch, records: readonly ConsumedRecord[] = batch.records): void {
    const now = Date.now()
    const kept = batch.withoutRecords()
    let partition = this.#knownOf(batch)
    const passing = partition?.left.oldest?.offset
    for (const record of records) {
      if (partition) partition.readTo = record.offset
      const isFarBehind = passing !== undefined && record.offset - passing > MOST_PASSED_BY
      if (isFarBehind || !kept.isNamed() || !this.#mayStay(record, partition?.left, now)) {
        this.#take(record, kept)
        continue
      }
      partition ??= this.#newPartition(kept, record.offset)
      partition.left.add(record.key!, record.offset, now)
    }
    if (partition) this.#lookSoon()
  }

  /** Forgets what other processes own now. */
  dropLost(): void {
    for (const partition of this.#partitions.values()) if (!partition.batch.isOwned()) this.#forget(partition)
  }

  stop(): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
  }

  /** Not for a partition that was lost and is back, or begins anew: what was known of it is its records from then. */
  #knownOf(batch: RecordBatch): Partition | undefined {
    const known = this.#partitions.get(partitionName(batch))
    if (!known || (known.batch.isOwned() && batch.records[0]!.offset > known.readTo)) return known
    this.#forget(known)
    return undefined
  }

  #newPartition(batch: RecordBatch, readTo: number): Partition {
    const partition = { batch, left: new LeftRecords(), readTo, isReading: false }
    this.#partitions.set(partitionName(batch), partition)
    return partition
  }

  /** A test, or a chain that replaces another one, is worth taking in at once. */
  #mayStay({ key, headers }: ConsumedRecord, left: LeftRecords | undefined, now: number): boolean {
    if (!key || headers.trigger !== 'automatic' || headers.chain !== '0') return false
    const before = left?.of(key) ?? 0
    const lane = this.lanes.get(key)?.state
    if (!lane || lane.isBlocked(now) || lane.waitMs(before) > LONGEST_WAIT_MS) return false
    return before > 0 || lane.isFull || (lane.queued >= LEAST_HELD && this.memory.live.share > CROWDED)
  }

  #lookSoon(): void {
    if (this.#isStopped) return
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      // Each by itself: one whose broker does not answer must not keep the others waiting.
      for (const partition of this.#partitions.values()) if (!partition.isReading) void this.#readSome(partition)
      if (this.#partitions.size > 0) this.#lookSoon()
    }, LOOK_EVERY_MS)
  }

  /** Some portions, each from the oldest record of a webhook whose lane runs dry. Never rejects. */
  async #readSome(partition: Partition): Promise<void> {
    const { left } = partition
    const { topic, partition: index } = partition.batch
    partition.isReading = true
    try {
      for (let portion = 0; portion < PORTIONS_A_LOOK && !this.#isStopped && this.#isKnown(partition); portion++) {
        const webhookId = this.#hungry(partition)
        if (webhookId === undefined) break
        left.turnedTo(webhookId)
        const from = left.oldestOf(webhookId)!.offset
        let taken = 0
        await this.reader.read({ topic, partition: index, from, end: left.end }, (records) => {
          // Lost while the broker answered: its new owner reads the same records.
          if (this.#isKnown(partition)) taken = this.#takeFrom(partition, webhookId, records)
          return false
        })
        const isStillThere = left.oldestOf(webhookId)?.offset === from && this.#hasRoom(webhookId, partition)
        if (isStillThere && this.#isKnown(partition)) throw new Error(`the log does not give the record at ${from}`)
        if (taken < WORTH_ANOTHER) break
      }
    } catch (error) {
      if (!this.#isStopped) await this.#failed(partition, error)
    }
    partition.isReading = false
    if (left.count === 0) this.#forget(partition)
  }

  async #failed(partition: Partition, error: unknown): Promise<void> {
    const { left } = partition
    const { topic, partition: index } = partition.batch
    this.logger.error({ err: error, topic, partition: index }, 'what was left in the log cannot be read: again soon')
    const begin = await this.reader.begin(topic, index).catch(() => 0)
    for (const webhookId of this.#isKnown(partition) ? left.webhookIds : []) this.#letGo(partition, webhookId, begin)
    await new Promise((resolve) => setTimeout(resolve, AFTER_FAILURE_MS).unref())
  }

  /** What the log does not hold any more, loudly: its offsets would never be committed. */
  #letGo({ left, batch }: Partition, webhookId: string, before: number): void {
    const { topic, partition } = batch
    for (let oldest = left.oldestOf(webhookId); oldest && oldest.offset < before; oldest = left.oldestOf(webhookId)) {
      const { offset } = oldest
      this.logger.error({ topic, partition, offset, webhookId }, 'a delivery is gone that was left in the log')
      left.takeOldest(webhookId)
      batch.complete({ offset })
    }
  }

  /** @returns how many were taken, or are gone */
  #takeFrom(partition: Partition, asked: string, records: readonly ConsumedRecord[]): number {
    const { left, batch } = partition
    const before = left.count
    if (records[0]) this.#letGo(partition, asked, records[0].offset)
    for (const record of records) {
      // Of each webhook the oldest first: what is before it may lie outside this portion.
      if (!record.key || left.oldestOf(record.key)?.offset !== record.offset) continue
      if (!this.#hasRoom(record.key, partition)) continue
      left.takeOldest(record.key)
      this.#take(record, batch)
    }
    return before - left.count
  }

  /** One whose lane is half empty, or must not be waited for; they take turns. */
  #hungry(partition: Partition): string | undefined {
    const now = Date.now()
    return partition.left.webhookIds.find((webhookId) => {
      const lane = this.lanes.get(webhookId)?.state
      if (!this.#mayHoldMore(lane?.queued)) return false
      return !lane || lane.queued <= this.#roomIn(lane.capacity) / 2 || this.#isOver(webhookId, partition, now)
    })
  }

  #hasRoom(webhookId: string, partition: Partition): boolean {
    const lane = this.lanes.get(webhookId)?.state
    if (!this.#mayHoldMore(lane?.queued)) return false
    return !lane || lane.queued < this.#roomIn(lane.capacity) || this.#isOver(webhookId, partition, Date.now())
  }

  #mayHoldMore(queued = 0): boolean {
    const { live } = this.memory
    return live.share <= MOST_TAKEN_IN || (queued < NEARLY_NOTHING && !live.isFull)
  }

  /**
   * Its lane stopped, or what is left has become too old, too far behind or too scattered for commits to name what passed
   * by: it is taken in, to be put off.
   */
  #isOver(webhookId: string, { left, readTo, batch }: Partition, now: number): boolean {
    const oldest = left.oldestOf(webhookId)
    if (!oldest) return false
    if (!batch.isNamed()) return true
    const isTooOld = now - oldest.at > LONGEST_LEFT_MS || readTo - oldest.offset > MOST_PASSED_BY
    return isTooOld || this.lanes.get(webhookId)?.state.isBlocked(now) === true
  }

  #roomIn(capacity: number): number {
    const webhooks = this.#sum(({ left }) => left.webhooks)
    const share = HELD_BY_ALL / Math.max(1, webhooks)
    return Math.min(capacity, this.memory.live.share < 2 * CROWDED ? Math.max(LEAST_HELD, share) : LEAST_HELD)
  }

  #sum(of: (partition: Partition) => number): number {
    let sum = 0
    for (const partition of this.#partitions.values()) sum += of(partition)
    return sum
  }

  #isKnown(partition: Partition): boolean {
    return this.#partitions.get(partitionName(partition.batch)) === partition && partition.batch.isOwned()
  }

  #forget(partition: Partition): void {
    const name = partitionName(partition.batch)
    if (this.#partitions.get(name) === partition) this.#partitions.delete(name)
  }
}
