import { type AttemptSlots } from '#domain'
import { Fifo } from './fifo.js'
import type { WebhookLane } from './webhook-lane.js'

/** A lane whose turn it is, with a slot already taken for it. */
export interface Turn {
  lane: WebhookLane
  proven: boolean
}

/**
 * Lanes that may start something, one start a turn, so that a busy lane does not go twice before a quiet one once.
 * Proven and unproven lanes queue apart: those that wait for the unproven share must not be walked past each time.
 */
export class ReadyRound {
  readonly #proven = new Fifo<WebhookLane>()
  readonly #unproven = new Fifo<WebhookLane>()

  constructor(private readonly slots: AttemptSlots) {}

  add(lane: WebhookLane, now: number): void {
    if (lane.isReady) return
    lane.isReady = true
    if (lane.state.isProven(now)) this.#proven.push(lane)
    else this.#unproven.push(lane)
  }

  /** The next lane with a slot taken for it; undefined when nobody waits or no slot is free. */
  next(now: number): Turn | undefined {
    for (const queue of [this.#proven, this.#unproven]) {
      const standing = queue === this.#proven
      while (queue.length > 0 && this.slots.hasRoom(standing)) {
        const lane = queue.shift()!
        lane.isReady = false
        const proven = lane.state.isProven(now)
        if (this.slots.take(proven)) return { lane, proven }
        // It lost its standing while it waited: it waits on among its like.
        this.add(lane, now)
      }
    }
    return undefined
  }

  release(turn: Turn): void {
    this.slots.release(turn.proven)
  }
}
