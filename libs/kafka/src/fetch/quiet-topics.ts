export interface FetchRound {
  /** Whether every topic is asked for, or only those that are busy. */
  isFull: boolean
  /** Whether what comes of patient topics takes no turn: others are busy, and nothing makes every fetch a full one. */
  isPatient: boolean
  /** The longest that the broker may wait for records. Ms. */
  maxWaitMs: number
}

/** For so long a topic counts as busy after its last record. Ms. */
const BUSY_MS = 5_000
/** How long the others may go unasked: by so much their next record can be late, and any of a patient topic. Ms. */
const FULL_EVERY_MS = 50

/**
 * Which topics the next fetch asks for. A dispatcher holds seven topics, six of which are quiet most of the time, and the
 * broker looks into every partition that is named: under load that was most of what a fetch cost, there and here. So the
 * quiet topics are left out while busy ones are read, but for 20 times a second; while nothing comes, all are asked for.
 *
 * Patient topics, whose records are in no hurry, never count as busy: what is put off for one receiver, or sent again to it,
 * would else be an answer of its own each time, and the next live record would wait for the turn after it.
 */
export class QuietTopics {
  readonly #patient: ReadonlySet<string>
  readonly #busyUntil = new Map<string, number>()
  #fullUntil = 0

  constructor(patient: readonly string[]) {
    this.#patient = new Set(patient)
  }

  /** Records of the topic have come. */
  noteRecords(topic: string, now: number): void {
    if (!this.#patient.has(topic)) this.#busyUntil.set(topic, now + BUSY_MS)
  }

  isBusy(topic: string, now: number): boolean {
    return now < (this.#busyUntil.get(topic) ?? 0)
  }

  /** Of what the answer of a round brought, what takes a turn. */
  hurried<T extends { topic: string }>(brought: readonly T[], round: FetchRound): T[] {
    return brought.filter(({ topic }) => !round.isPatient || !this.#patient.has(topic))
  }

  /** @param mustBeFull something waits that only a full fetch takes note of, as a seek */
  next(topics: readonly string[], now: number, maxWaitMs: number, mustBeFull: boolean): FetchRound {
    const busy = topics.filter((topic) => this.isBusy(topic, now)).length
    const isPatient = busy > 0 && !mustBeFull
    const isPartial = isPatient && busy < topics.length && now < this.#fullUntil
    if (isPartial) return { isFull: false, isPatient, maxWaitMs: Math.min(maxWaitMs, this.#fullUntil - now) }
    return { isFull: true, isPatient, maxWaitMs }
  }

  /** A full fetch was answered. */
  noteFull(now: number): void {
    this.#fullUntil = now + FULL_EVERY_MS
  }
}
