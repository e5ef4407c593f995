import { formatDuration, parseDuration } from './duration.js'

/** One delay topic. Its name is its delay as an operator wrote it: `10s`, `3h36m`. */
export interface RetryTier {
  name: string
  delayMs: number
}

/** The guide's promise: "we'll retry up to 5 times". More or fewer would make it untrue. */
const RETRIES = 5

/** Whatever the schedule: a chain whose last one failed is exhausted. */
export const ATTEMPTS_PER_CHAIN = RETRIES + 1

/** The third at most, six minutes by default: a receiver that is back is not kept waiting for what was put off. */
const DEFERRAL_TIERS = 3

export const DEFAULT_RETRY_SCHEDULE = '10s,1m,6m,36m,3h36m'

/** The five waits between the six attempts of a chain, and the tiers that hold deliveries meanwhile. */
export class RetrySchedule {
  private constructor(
    /** `delays[n]` is the wait after attempt n+1, in ms. */
    readonly delays: readonly number[],
    /** Distinct, shortest first: equal delays share a topic. */
    readonly tiers: readonly RetryTier[],
  ) {}

  /**
   * @param text five durations, not decreasing, separated by commas: `10s,1m,6m,36m,3h36m`
   * @throws {RangeError} that says what is wrong and how to write it
   */
  static parse(text: string): RetrySchedule {
    const delays = text.split(',').map((part) => parseDuration(part.trim()))
    if (delays.length !== RETRIES) {
      throw new RangeError(`a retry schedule has exactly ${RETRIES} durations, got ${delays.length} in "${text}"`)
    }
    if (delays.some((delay, i) => i > 0 && delay < delays[i - 1]!)) {
      throw new RangeError(`the durations of a retry schedule must not decrease, but "${text}" does`)
    }
    if (delays[0] === 0) throw new RangeError('the durations of a retry schedule must be greater than zero')
    const tiers = [...new Set(delays)].map((delayMs) => ({ name: formatDuration(delayMs), delayMs }))
    return new RetrySchedule(delays, tiers)
  }

  /** Those that deliveries are put off into, shortest first. */
  get deferralTiers(): readonly RetryTier[] {
    return this.tiers.slice(0, DEFERRAL_TIERS)
  }

  /** All six attempts: the first and the retries. */
  get attempts(): number {
    return this.delays.length + 1
  }

  get shortestMs(): number {
    return this.delays[0]!
  }

  get longestMs(): number {
    return this.delays.at(-1)!
  }

  /** From the first attempt to the last, without the attempts' own time, in ms. */
  get totalMs(): number {
    return this.delays.reduce((sum, delay) => sum + delay, 0)
  }

  /**
   * The tier that waits for the attempt after number `attempt`, or undefined when that was the last.
   * A receiver may ask for more patience, never for less: `retryAfterMs` can only pick a longer tier, and what it
   * asks beyond the longest is cut to that.
   */
  tierAfter(attempt: number, retryAfterMs = 0): RetryTier | undefined {
    const delay = this.delays[attempt - 1]
    if (delay === undefined) return undefined
    const wanted = Math.max(delay, retryAfterMs)
    return this.tiers.find((tier) => tier.delayMs >= wanted) ?? this.tiers.at(-1)
  }

  tierNamed(name: string): RetryTier | undefined {
    return this.tiers.find((tier) => tier.name === name)
  }
}
