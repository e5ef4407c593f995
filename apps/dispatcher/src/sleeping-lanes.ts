import { DueHeap } from './due-heap.js'
import type { WebhookLane } from './webhook-lane.js'

/** Lanes that hold work and may not start it before a certain time: an open circuit, or a receiver that asked for a pause. */
export class SleepingLanes {
  readonly #heap = new DueHeap<WebhookLane>()
  readonly #asleep = new Set<WebhookLane>()
  #timer: NodeJS.Timeout | undefined
  #timerAt = Infinity

  constructor(private readonly wake: (lane: WebhookLane) => void) {}

  /** @param wakeAt ms since the epoch; a lane that already sleeps keeps its time and looks again then */
  add(lane: WebhookLane, wakeAt: number): void {
    if (this.#asleep.has(lane)) return
    this.#asleep.add(lane)
    this.#heap.add(lane, wakeAt)
    this.#arm()
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timerAt = -Infinity
  }

  #arm(): void {
    const next = this.#heap.nextDueAt
    if (next === undefined || next >= this.#timerAt) return
    clearTimeout(this.#timer)
    this.#timerAt = next
    this.#timer = setTimeout(() => this.#wakeDue(), Math.max(0, next - Date.now()))
  }

  #wakeDue(): void {
    this.#timerAt = Infinity
    for (let lane = this.#heap.takeDue(Date.now()); lane; lane = this.#heap.takeDue(Date.now())) {
      this.#asleep.delete(lane)
      this.wake(lane)
    }
    this.#arm()
  }
}
