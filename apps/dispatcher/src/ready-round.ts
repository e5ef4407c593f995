import { type AttemptSlots, Fifo, type Standing } from '#domain'
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
  readonly #waiting: Record<Standing, Fifo<WebhookLane>> = { proven: new Fifo(), unproven: new Fifo() }

  constructor(private readonly slots: AttemptSlots) {}

  add(lane: WebhookLane, now: number): void {
    const standing = lane.state.isProven(now) ? 'proven' : 'unproven'
    if (lane.readyAs === 'proven' || lane.readyAs === standing) return
    // From among the unproven it is taken out when its place there comes up: that may be in seconds, if hundreds hang.
    lane.readyAs = standing
    this.#waiting[standing].push(lane)
  }

  /** The next lane with a slot taken for it; undefined when nobody waits or no slot is free. */
  next(now: number): Turn | undefined {
    for (const standing of ['proven', 'unproven'] as const) {
      const queue = this.#waiting[standing]
      while (queue.length > 0 && this.slots.hasRoom(standing === 'proven')) {
        const lane = queue.shift()!
        if (lane.readyAs !== standing) continue
        lane.readyAs = undefined
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
