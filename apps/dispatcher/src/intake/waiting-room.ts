import { Injectable } from '@nestjs/common'
import { RetrySchedule } from '#domain'
import { partitionName } from '#kafka'
import { DueTimer } from './due-timer.js'
import { MemoryBounds } from '../memory-bounds.js'
import { type Work, heldBytes } from '../work.js'

/** Waits longer than this stay in the log. Ms. */
export const READ_AHEAD_MS = 30_000
/**
 * What is due within this may wait here, too, in some number: a record that is due sooner can lie behind it, put off
 * for another webhook of the partition. In the shortest tier, into which nearly all is put off, it is the tier's delay if
 * that is longer; all tiers share the room for it, and what the others hold back may be late. Ms.
 */
const FAR_AHEAD_MS = 10 * 60_000
/** What passes by one that waits here is kept track of until it is gone, and each commit looks at all of it. Ms. */
const MOST_FAR_AHEAD_MS = 60 * 60_000
/** Who wrote a record may have a clock that is ahead of ours. Ms. */
const CLOCKS_APART_MS = 30_000
const MOST_FAR_OF_PARTITION = 1_000
/** Of all that may be read ahead: the rest is for what is due, which must not wait for minutes behind large bodies. */
const FAR_UP_TO = 1 / 4
/** Read ahead of one partition of one tier, at most; the rest stays in the log until half of it is gone. */
const MOST_PER_PARTITION = 2_000
/** Retries that failed together should not come back together: up to a tenth of the delay, at most so long. Ms. */
const LONGEST_JITTER_MS = 30_000

/** Whether a record of a tier can be taken in now; if not, when it is worth reading again (ms since the epoch). */
export type Admission = { kind: 'taken' } | { kind: 'later'; readAgainAt: number } | { kind: 'full' }

/**
 * Holds what will be due soon, so that a retry starts milliseconds after its time and not when a paused partition
 * happens to be fetched again.
 */
@Injectable()
export class WaitingRoom {
  readonly #waiting = new DueTimer<Work>((work) => {
    this.#leave(work)
    this.#onDue(work)
  })
  readonly #perPartition = new Map<string, number>()
  readonly #far = new Set<Work>()
  readonly #farPerPartition = new Map<string, number>()
  #onDue: (work: Work) => void = () => undefined
  #onRoom: (topic: string, partition: number) => void = () => undefined

  constructor(
    private readonly memory: MemoryBounds,
    private readonly schedule: RetrySchedule,
  ) {}

  get size(): number {
    return this.#waiting.size
  }

  /** `due`: a delivery's time has come. `room`: a partition that was full has room again. */
  listen(due: (work: Work) => void, room: (topic: string, partition: number) => void): void {
    this.#onDue = due
    this.#onRoom = room
  }

  /** @param tierDelayMs the tier's delay, from which the jitter is measured */
  admit(work: Work, tierDelayMs: number, now: number): Admission {
    const notBefore = work.delivery.notBefore ?? now
    const key = partitionName(work.record)
    const isFar = notBefore - now > READ_AHEAD_MS
    if (isFar && (notBefore - now > this.#farAheadMs(tierDelayMs) || !this.#hasRoomForFar(key)))
      return { kind: 'later', readAgainAt: notBefore - READ_AHEAD_MS }
    const waiting = this.#perPartition.get(key) ?? 0
    if (waiting >= MOST_PER_PARTITION || this.memory.tiers.isFull) return { kind: 'full' }
    this.#perPartition.set(key, waiting + 1)
    if (isFar) this.#tookFar(key, work)
    this.memory.tiers.add(heldBytes(work))
    this.#waiting.add(work, notBefore + (work.delivery.isDeferred ? 0 : jitter(tierDelayMs)))
    return { kind: 'taken' }
  }

  /** Drops what waits of partitions that another process owns now. */
  dropLost(): void {
    for (const work of this.#waiting.removeWhere(({ batch }) => !batch.isOwned())) this.#leave(work)
  }

  stop(): void {
    this.#waiting.stop()
  }

  #farAheadMs(tierDelayMs: number): number {
    if (tierDelayMs !== this.schedule.shortestMs) return FAR_AHEAD_MS
    return Math.max(FAR_AHEAD_MS, Math.min(tierDelayMs, MOST_FAR_AHEAD_MS) + CLOCKS_APART_MS)
  }

  #hasRoomForFar(partition: string): boolean {
    const isCrowded = this.memory.tiers.share > FAR_UP_TO
    return !isCrowded && (this.#farPerPartition.get(partition) ?? 0) < MOST_FAR_OF_PARTITION
  }

  #tookFar(partition: string, work: Work): void {
    this.#far.add(work)
    this.#farPerPartition.set(partition, (this.#farPerPartition.get(partition) ?? 0) + 1)
  }

  #leave(work: Work): void {
    this.memory.tiers.remove(heldBytes(work))
    const { topic, partition } = work.record
    const key = partitionName(work.record)
    if (this.#far.delete(work)) this.#farPerPartition.set(key, this.#farPerPartition.get(key)! - 1)
    const waiting = (this.#perPartition.get(key) ?? 1) - 1
    this.#perPartition.set(key, waiting)
    if (waiting === MOST_PER_PARTITION / 2) this.#onRoom(topic, partition)
  }
}

function jitter(delayMs: number): number {
  return Math.random() * Math.min(delayMs / 10, LONGEST_JITTER_MS)
}
