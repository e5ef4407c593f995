import { DueTimer } from '../intake/due-timer.js'
import type { WebhookLane } from './webhook-lane.js'

/** Lanes that hold work and may not start it before a certain time: an open circuit, or a receiver that asked for a pause. */
export class SleepingLanes {
  /** When each is woken, ms since the epoch. */
  readonly #asleep = new Map<WebhookLane, number>()
  readonly #timer: DueTimer<WebhookLane>

  constructor(wake: (lane: WebhookLane) => void) {
    this.#timer = new DueTimer((lane) => {
      // Woken earlier than it first asked for, it is in the timer once more: for nothing, or for a later sleep too early.
      const wakeAt = this.#asleep.get(lane)
      if (wakeAt === undefined || wakeAt > Date.now()) return
      this.#asleep.delete(lane)
      wake(lane)
    })
  }

  /** @param wakeAt ms since the epoch; a lane that is woken earlier anyway looks again then */
  add(lane: WebhookLane, wakeAt: number): void {
    if (wakeAt >= (this.#asleep.get(lane) ?? Infinity)) return
    this.#asleep.set(lane, wakeAt)
    this.#timer.add(lane, wakeAt)
  }

  stop(): void {
    this.#timer.stop()
  }
}
