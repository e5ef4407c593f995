import type { WebhookLane } from './webhook-lane.js'

/** From one step to the next, the shortest that a timer can wait. Ms. */
const STEP_MS = 1
/** What is there together is started over so many steps: less than from one burst of a replay to the next. */
const STEPS = 16

/**
 * A replay's deliveries come in bursts, so that they cost little on their way here. Started at once, a burst would keep
 * process and receivers busy for some milliseconds, and live deliveries waiting: they start a few at a time instead.
 */
export class ReplayPace {
  #admitted = 0
  #timer: NodeJS.Timeout | undefined
  readonly #waiting = new Set<WebhookLane>()

  constructor(private readonly wake: (lane: WebhookLane) => void) {}

  /** Whether a replay's delivery of the lane may start now; if not, the lane is woken with the next step. */
  admits(lane: WebhookLane): boolean {
    if (this.#admitted > 0) {
      this.#admitted--
      return true
    }
    this.#waiting.add(lane)
    this.#timer ??= setTimeout(() => this.#step(), STEP_MS)
    return false
  }

  #step(): void {
    this.#timer = undefined
    const lanes = [...this.#waiting]
    this.#waiting.clear()
    const queued = lanes.reduce((sum, { state }) => sum + state.queuedReplays, 0)
    this.#admitted = Math.ceil(queued / STEPS)
    for (const lane of lanes) this.wake(lane)
  }
}
