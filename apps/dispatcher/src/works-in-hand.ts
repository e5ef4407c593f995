import { Injectable } from '@nestjs/common'
import { type MemoryBound, attemptKey, isSameEvent } from '#domain'
import { AttemptedKeys } from './past/attempted-keys.js'
import { DispatchMetrics } from './dispatch-metrics.js'
import { MemoryBounds } from './memory-bounds.js'
import { type Work, heldBytes, isReplay } from './work.js'

/** What this process holds, queued or under way, and by it what is a double: a second record for the same attempt. */
@Injectable()
export class WorksInHand {
  /**
   * Each in a box, emptied when it is let go: a Map's old tables, and what was in them when they were replaced, stay in
   * memory until the whole heap is collected.
   */
  readonly #byAttempt = new Map<string, { work: Work | undefined }>()

  constructor(
    private readonly attempted: AttemptedKeys,
    private readonly memory: MemoryBounds,
    private readonly metrics: DispatchMetrics,
  ) {}

  take(work: Work): void {
    this.#byAttempt.set(attemptKey(work.delivery), { work })
    this.#boundOf(work).add(heldBytes(work))
  }

  letGo(work: Work): void {
    this.leave(work)
    this.#boundOf(work).remove(heldBytes(work))
  }

  /**
   * It is being put off, and held until that is acknowledged. The record that is written for it is for the same attempt
   * and no double, also when it is read, and due, before the acknowledgement: taken for one, both would be completed.
   */
  leave(work: Work): void {
    const key = attemptKey(work.delivery)
    const held = this.#byAttempt.get(key)
    if (held?.work !== work) return
    held.work = undefined
    this.#byAttempt.delete(key)
  }

  /** The same attempt is in hand, or was made. Work of a partition that was lost and came back leads to nothing more. */
  isDouble(work: Work, now: number): boolean {
    const held = this.#byAttempt.get(attemptKey(work.delivery))?.work
    const isHeld = held?.batch.isOwned() && isSameEvent(held.delivery.acceptedAt, work.delivery.acceptedAt)
    return isHeld || this.isDone(work, now)
  }

  /** The attempt was made, or its chain has ended meanwhile: another record, left behind by a crash, succeeded. */
  isDone(work: Work, now: number): boolean {
    return this.attempted.isDone(work.delivery, now)
  }

  completeDouble(work: Work): void {
    this.metrics.repeats.inc()
    work.batch.complete(work.record)
  }

  #boundOf(work: Work): MemoryBound {
    return isReplay(work) ? this.memory.replays : this.memory.live
  }
}
