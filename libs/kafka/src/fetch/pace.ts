import { type EventLoopUtilization, performance } from 'node:perf_hooks'

/**
 * From one fetch that brought records to the next, on average at least. What comes meanwhile comes together, and goes on
 * together: at 500 events/s, one every 2 ms, each would else have requests of its own at every step. Ms.
 */
const SHORTEST_MS = 4
/** A process that is always busy waits so much longer: it has no time for small batches. Ms. */
const MOST_MORE_MS = 16
/** Below this share of time at work, latency counts for more than work. */
const CALM = 0.3
/** A fetch that would not bring so many records on average waits for nothing: it would only be late. */
const WORTH_GATHERING = 1.5
const LOOK_EVERY_MS = 250
/** So far ahead of that average a fetch may be: a record that comes right after another's then waits for nothing. Ms. */
const AHEAD_MS = 2 * SHORTEST_MS

/**
 * @param utilization the share of time in which the event loop was at work, 0 to 1
 * @param perSecond how many records come
 */
export function paceMs(utilization: number, perSecond: number): number {
  const strain = Math.max(0, utilization - CALM) / (1 - CALM)
  const ms = SHORTEST_MS + MOST_MORE_MS * strain * strain
  return (perSecond * ms) / 1000 < WORTH_GATHERING ? 0 : ms
}

/** How far apart the fetches from one broker are, by how busy this process is and how much comes of it. */
export class Pace {
  #last: EventLoopUtilization = performance.eventLoopUtilization()
  #lookedAt = performance.now()
  #records = 0
  #ms = SHORTEST_MS

  /** So many came that are in a hurry. */
  noteRecords(count: number): void {
    this.#records += count
  }

  /** @param now `performance.now()` */
  ms(now: number): number {
    const sinceMs = now - this.#lookedAt
    if (sinceMs < LOOK_EVERY_MS) return this.#ms
    const current = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(current, this.#last)
    this.#ms = paceMs(utilization, (this.#records / sinceMs) * 1000)
    this.#records = 0
    this.#last = current
    this.#lookedAt = now
    return this.#ms
  }
}

/** When one broker's next fetch may go, so that those which brought records keep a pace. Times of `performance.now()`. */
export class FetchTurns {
  /** When the next would go if all of them kept the pace exactly. */
  #dueAt = 0

  /** @param isExact no fetch goes ahead of the pace, whatever came before */
  waitMs(now: number, isExact: boolean): number {
    return Math.max(0, this.#dueAt - (isExact ? 0 : AHEAD_MS) - now)
  }

  noteRecords(sentAt: number, paceMs: number): void {
    this.#dueAt = Math.max(this.#dueAt, sentAt) + paceMs
  }
}
