import type { WebhookLane } from './webhook-lane.js'

/** From one step to the next, the shortest that a timer can wait. Ms. */
const STEP_MS = 1
/** Such a share of what is held starts each millisecond: a burst is nearly gone when the replay's next one comes. */
const SHARE = 1 / 32

/**
 * A replay's deliveries come in bursts, so that they cost little on their way here. Started at once, a burst would keep
 * process and receivers busy for some milliseconds, and live deliveries waiting: they start a few at a time instead.
 */
export class ReplayPace {
  #admitted = 0
  #waitingSince = 0
  #timer: NodeJS.Timeout | undefined
  readonly #waiting = new Set<WebhookLane>()

  /** @param wake told of all lanes at once: one after the other, the first would take the whole step */
  constructor(private readonly wake: (lanes: readonly WebhookLane[]) => void) {}

  /** Whether a replay's delivery of the lane may start now; if not, the lane is woken with the next step. */
  admits(lane: WebhookLane): boolean {
    if (this.#admitted > 0) {
      this.#admitted--
      return true
    }
    this.#waiting.add(lane)
    if (!this.#timer) {
      this.#waitingSince = performance.now()
      this.#timer = setTimeout(() => this.#step(), STEP_MS)
    }
    return false
  }

  #step(): void {
    this.#timer = undefined
    const lanes = [...this.#waiting]
    this.#waiting.clear()
    const held = lanes.reduce((sum, { state }) => sum + state.queuedReplays, 0)
    // A busy process takes its steps less often; a replay is not to fall behind its rate for it.
    const steps = Math.max(1, (performance.now() - this.#waitingSince) / STEP_MS)
    this.#admitted = Math.min(held, Math.ceil(held * SHARE * steps))
    this.wake(lanes)
  }
}
