import { type AcceptedEvent, RecentKeys } from '#domain'

/** Whoever posts the same id within this window meant the same event. */
const WINDOW = { maxKeys: 100_000, maxAgeMs: 10 * 60_000, keepsValues: true }

/**
 * Recognises events that were posted twice, partition by partition. Ids are remembered only once their deliveries are
 * acknowledged: an event whose fan-out failed half-way must not count as done.
 */
export class Repeats {
  /** Each key with the offset that was fanned out under it. */
  readonly #partitions = new Map<number, RecentKeys>()

  /** For one round: asks the window, and also sees what the round itself repeats. */
  newRound(): RepeatsInRound {
    return new RepeatsInRound((partition) => this.#keysOf(partition))
  }

  #keysOf(partition: number): RecentKeys {
    let keys = this.#partitions.get(partition)
    if (!keys) this.#partitions.set(partition, (keys = new RecentKeys(WINDOW)))
    return keys
  }
}

export class RepeatsInRound {
  readonly #inRound = new Map<string, { keys: RecentKeys; offset: number }>()

  constructor(private readonly keysOf: (partition: number) => RecentKeys) {}

  isRepeat(event: AcceptedEvent, { partition, offset }: { partition: number; offset: number }, now: number): boolean {
    const key = `${event.accountId}/${event.id}`
    if (this.#inRound.has(key)) return true
    const keys = this.keysOf(partition)
    const known = keys.valueOf(key, now)
    // The log hands the same record out again after a failed commit: that is a second run, not a repeat.
    if (known !== undefined && known !== offset) return true
    this.#inRound.set(key, { keys, offset })
    return false
  }

  /** Call once everything the round led to is acknowledged. */
  remember(now: number): void {
    for (const [key, { keys, offset }] of this.#inRound) keys.add(key, now, offset)
  }
}
