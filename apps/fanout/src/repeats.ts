import { type AcceptedEvent, RecentKeys } from '#domain'

/** Whoever posts the same id within this window meant the same event. */
const WINDOW = { maxKeys: 100_000, maxAgeMs: 10 * 60_000 }

/**
 * Recognises events that were posted twice, partition by partition. Ids are remembered only once their deliveries are
 * acknowledged: an event whose fan-out failed half-way must not count as done.
 */
export class Repeats {
  readonly #partitions = new Map<number, { keys: RecentKeys; fannedOutTo: number }>()

  /** For one batch: asks the window, and also sees what the batch itself repeats. */
  newBatch(partition: number): RepeatsInBatch {
    let seen = this.#partitions.get(partition)
    if (!seen) this.#partitions.set(partition, (seen = { keys: new RecentKeys(WINDOW), fannedOutTo: -1 }))
    return new RepeatsInBatch(seen)
  }
}

export class RepeatsInBatch {
  readonly #inBatch = new Map<string, number>()

  constructor(private readonly seen: { keys: RecentKeys; fannedOutTo: number }) {}

  isRepeat(event: AcceptedEvent, offset: number, now: number): boolean {
    const key = `${event.accountId}/${event.id}`
    if (this.#inBatch.has(key)) return true
    this.#inBatch.set(key, offset)
    // The log hands the same record out again after a failed commit: that is a second run, not a repeat.
    return offset > this.seen.fannedOutTo && this.seen.keys.has(key, now)
  }

  /** Call once everything the batch led to is acknowledged. */
  remember(now: number): void {
    for (const [key, offset] of this.#inBatch) {
      this.seen.keys.add(key, now)
      this.seen.fannedOutTo = Math.max(this.seen.fannedOutTo, offset)
    }
  }
}
