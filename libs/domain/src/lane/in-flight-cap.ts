/** Enough for a quick receiver to be quick from its first second, few enough not to knock over a small one. */
const START = 16
const MOST = 128
/** "Recent" in "recent best": the best latency of the last one to two such spans is what the cap compares with. */
const BEST_SPAN_MS = 30_000
/** A best of less is chance: what is below twice this is steady, however quick one single answer was. Ms. */
const LEAST_BEST_MS = 5

/**
 * How many requests a lane may have under way. It feels its way up while the receiver's latency stays near its own
 * best, so that a steady 300 ms receiver grows as well as a 3 ms one, and halves on signs of overload.
 */
export class InFlightCap {
  #cap = START
  #successesInRound = 0
  #lastHalvedAt = -Infinity
  #best = Infinity
  #previousBest = Infinity
  #spanStartedAt = -Infinity

  get limit(): number {
    return this.#cap
  }

  /** `workWaits`: whether anything queued for lack of a place; without it a larger cap would be a guess. Times in ms. */
  succeeded(latencyMs: number, workWaits: boolean, now: number): void {
    this.#noteLatency(latencyMs, now)
    const isSteady = latencyMs < 2 * Math.max(LEAST_BEST_MS, Math.min(this.#best, this.#previousBest))
    if (!workWaits || !isSteady) return
    this.#successesInRound++
    if (this.#successesInRound < this.#cap) return
    this.#successesInRound = 0
    this.#cap = Math.min(MOST, this.#cap + 1)
  }

  /**
   * A time-out, a connection error, 429 or 503. All requests under way at an overload fail together: only those that
   * were started after the last halving say anything new.
   */
  overloaded(startedAt: number, now: number): void {
    if (startedAt < this.#lastHalvedAt) return
    this.#lastHalvedAt = now
    this.#successesInRound = 0
    this.#cap = Math.max(1, Math.floor(this.#cap / 2))
  }

  #noteLatency(latencyMs: number, now: number): void {
    if (now - this.#spanStartedAt >= BEST_SPAN_MS) {
      this.#previousBest = this.#best
      this.#best = Infinity
      this.#spanStartedAt = now
    }
    this.#best = Math.min(this.#best, latencyMs)
  }
}
