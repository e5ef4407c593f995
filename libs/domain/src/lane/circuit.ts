/** One delivery that fails for its own reasons must not stop the others: as many different ones have to fail in a row. */
export const FAILURES_TO_OPEN = 10
const FIRST_OPEN_MS = 5_000
const LONGEST_OPEN_MS = 5 * 60_000

type State =
  | { kind: 'closed' }
  | { kind: 'open'; until: number }
  /** Open time is over: one attempt finds out. */
  | { kind: 'half-open' }
  /** The probe succeeded: each success doubles what may be under way, so that a receiver that just came back can breathe. */
  | { kind: 'ramp'; limit: number }

/** Stops calling a receiver that only fails, and finds out gently when it is back. Times in ms. */
export class Circuit {
  #state: State = { kind: 'closed' }
  #failedInRow = new Set<string>()
  #openMs = FIRST_OPEN_MS
  #openedAt = -Infinity

  /** How many attempts may be under way, besides what the lane's cap allows. */
  limit(now: number): number {
    this.#passTime(now)
    switch (this.#state.kind) {
      case 'closed':
        return Infinity
      case 'open':
        return 0
      case 'half-open':
        return 1
      case 'ramp':
        return this.#state.limit
    }
  }

  /** When the next attempt may begin: `now` unless the circuit is open. */
  opensToAttemptsAt(now: number): number {
    this.#passTime(now)
    return this.#state.kind === 'open' ? this.#state.until : now
  }

  /** Everything is called as usual. */
  get isClosed(): boolean {
    return this.#state.kind === 'closed'
  }

  isOpen(now: number): boolean {
    this.#passTime(now)
    return this.#state.kind === 'open'
  }

  /** @param cap the lane's cap: a ramp that has reached it is over */
  succeeded(cap: number): void {
    this.#failedInRow.clear()
    if (this.#state.kind === 'closed') return
    const limit = this.#state.kind === 'ramp' ? this.#state.limit * 2 : 2
    if (limit < cap) {
      this.#state = { kind: 'ramp', limit }
      return
    }
    this.#state = { kind: 'closed' }
    this.#openMs = FIRST_OPEN_MS
  }

  failed(deliveryId: string, now: number, startedAt = now): void {
    this.#passTime(now)
    // A straggler of the time before it opened says nothing new, also when the probe is due meanwhile.
    if (this.#state.kind === 'open' || startedAt < this.#openedAt) return
    if (this.#failedInRow.size < FAILURES_TO_OPEN) this.#failedInRow.add(deliveryId)
    if (this.#state.kind === 'half-open' || this.#failedInRow.size >= FAILURES_TO_OPEN) this.#open(now)
  }

  /** Puts the circuit where the next attempt is a probe: for a webhook that was just enabled again. */
  probeNext(): void {
    this.#failedInRow.clear()
    this.#openMs = FIRST_OPEN_MS
    this.#state = { kind: 'half-open' }
  }

  #open(now: number): void {
    this.#openedAt = now
    this.#state = { kind: 'open', until: now + this.#openMs }
    this.#openMs = Math.min(LONGEST_OPEN_MS, this.#openMs * 2)
  }

  #passTime(now: number): void {
    if (this.#state.kind === 'open' && now >= this.#state.until) this.#state = { kind: 'half-open' }
  }
}
