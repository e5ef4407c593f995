/**
 * A rate with a bound on what may go at once. Tokens come continuously and are lost beyond the bound, so that a pause
 * is not made up for by a burst.
 */
export class TokenBucket {
  /** In thousandths of a token, so that whole numbers of ms and tokens per second stay whole. */
  #credit: number
  #filledAt: number

  /** @param burst at most so many at once. @param now ms since the epoch */
  constructor(
    private readonly ratePerSecond: number,
    private readonly burst: number,
    now: number,
  ) {
    this.#credit = burst * 1_000
    this.#filledAt = now
  }

  /** @returns how many of `wanted` may go now; they are taken */
  take(wanted: number, now: number): number {
    this.#fill(now)
    const taken = Math.min(wanted, Math.floor(this.#credit / 1_000))
    this.#credit -= taken * 1_000
    return taken
  }

  /** How many may go now. */
  available(now: number): number {
    this.#fill(now)
    return Math.floor(this.#credit / 1_000)
  }

  /** How long until `wanted`, or a full bucket where that is less, may go. Ms. */
  waitMs(wanted: number, now: number): number {
    this.#fill(now)
    const missing = Math.min(wanted, this.burst) * 1_000 - this.#credit
    return Math.max(0, Math.ceil(missing / this.ratePerSecond))
  }

  #fill(now: number): void {
    // A clock that was set back brings no tokens and takes none.
    const passedMs = Math.max(0, now - this.#filledAt)
    this.#credit = Math.min(this.burst * 1_000, this.#credit + passedMs * this.ratePerSecond)
    this.#filledAt = now
  }
}
