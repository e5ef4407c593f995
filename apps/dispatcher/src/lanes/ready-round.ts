import { type AttemptSlots, Fifo, STANDINGS, type Standing } from '#domain'
import type { WebhookLane } from './webhook-lane.js'

/** A lane whose turn it is, with a slot already taken for it. */
export interface Turn {
  lane: WebhookLane
  standing: Standing
}

/**
 * Lanes that may start something, one start a turn, so that a busy lane does not go twice before a quiet one once.
 * Each standing queues apart: those that wait for a share that is taken must not be walked past each time. The
 * standings take turns, too: proven lanes that always have something would keep the others waiting for as long.
 */
export class ReadyRound {
  readonly #waiting: Record<Standing, Fifo<WebhookLane>> = {
    proven: new Fifo(),
    untried: new Fifo(),
    unproven: new Fifo(),
  }
  /** Whose turn it is, among `STANDINGS`. */
  #turn = 0

  constructor(private readonly slots: AttemptSlots) {}

  add(lane: WebhookLane, now: number): void {
    const standing = lane.state.standing(now)
    if (lane.readyAs !== undefined && STANDINGS.indexOf(lane.readyAs) <= STANDINGS.indexOf(standing)) return
    // From among the others it is taken out when its place there comes up: that may be in seconds, if hundreds hang.
    lane.readyAs = standing
    this.#waiting[standing].push(lane)
  }

  /** The next lane with a slot taken for it; undefined when nobody waits or no slot is free. */
  next(now: number): Turn | undefined {
    for (let i = 0; i < STANDINGS.length; i++) {
      const turn = this.#nextOf(STANDINGS[this.#turn]!, now)
      this.#turn = (this.#turn + 1) % STANDINGS.length
      if (turn) return turn
    }
    return undefined
  }

  release(turn: Turn): void {
    this.slots.release(turn.standing)
  }

  #nextOf(queued: Standing, now: number): Turn | undefined {
    const queue = this.#waiting[queued]
    while (queue.length > 0 && this.slots.hasRoom(queued)) {
      const lane = queue.shift()!
      if (lane.readyAs !== queued) continue
      lane.readyAs = undefined
      const standing = lane.state.standing(now)
      if (this.slots.take(standing)) return { lane, standing }
      // It lost its standing while it waited: it waits on among its like.
      this.add(lane, now)
    }
    return undefined
  }
}
