import { DueTimer } from './due-timer.js'
import type { WebhookLane } from './webhook-lane.js'

/** Lanes that hold work and may not start it before a certain time: an open circuit, or a receiver that asked for a pause. */
export class SleepingLanes {
  readonly #asleep = new Set<WebhookLane>()
  readonly #timer: DueTimer<WebhookLane>

  constructor(wake: (lane: WebhookLane) => void) {
    this.#timer = new DueTimer((lane) => {
      this.#asleep.delete(lane)
      wake(lane)
    })
  }

  /** @param wakeAt ms since the epoch; a lane that already sleeps keeps its time and looks again then */
  add(lane: WebhookLane, wakeAt: number): void {
    if (this.#asleep.has(lane)) return
    this.#asleep.add(lane)
    this.#timer.add(lane, wakeAt)
  }

  stop(): void {
    this.#timer.stop()
  }
}
