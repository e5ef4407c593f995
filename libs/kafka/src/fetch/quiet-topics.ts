export interface FetchRound {
  /** Whether every topic is asked for, or only those that had records lately. */
  isFull: boolean
  /** The longest that the broker may wait for records. Ms. */
  maxWaitMs: number
}

/** For so long a topic counts as busy after its last record. Ms. */
const BUSY_MS = 5_000
/** How long the others may go unasked: by so much their next record can be late. Ms. */
const FULL_EVERY_MS = 50

/**
 * Which topics the next fetch asks for. A dispatcher holds seven topics, six of which are quiet most of the time, and the
 * broker looks into every partition that is named: under load that was most of what a fetch cost, there and here. So the
 * quiet topics are left out while busy ones are read, but for 20 times a second; while nothing comes, all are asked for.
 */
export class QuietTopics {
  readonly #busyUntil = new Map<string, number>()
  #fullUntil = 0

  /** Records of the topic have come. */
  noteRecords(topic: string, now: number): void {
    this.#busyUntil.set(topic, now + BUSY_MS)
  }

  isBusy(topic: string, now: number): boolean {
    return now < (this.#busyUntil.get(topic) ?? 0)
  }

  /** @param mustBeFull something waits that only a full fetch takes note of, as a seek */
  next(topics: readonly string[], now: number, maxWaitMs: number, mustBeFull: boolean): FetchRound {
    const busy = topics.filter((topic) => this.isBusy(topic, now)).length
    const isPartial = busy > 0 && busy < topics.length && now < this.#fullUntil && !mustBeFull
    if (isPartial) return { isFull: false, maxWaitMs: Math.min(maxWaitMs, this.#fullUntil - now) }
    return { isFull: true, maxWaitMs }
  }

  /** A full fetch was answered. */
  noteFull(now: number): void {
    this.#fullUntil = now + FULL_EVERY_MS
  }
}
