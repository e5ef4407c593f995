/**
 * How far ahead of its pace a quiet reader may be. Records that come one by one, 4 ms apart on the average, are then
 * fetched as they come; without it the second of two that happen to come together waits. Ms.
 */
const AHEAD_MS = 8

/** Keeps the fetches that bring records apart by the pace, on the average. Times as `performance.now()`. */
export class FetchSpacing {
  #paidUntil = 0

  /** For so long the next fetch has to wait. Ms; 0: none. */
  waitMs(now: number): number {
    return Math.max(0, this.#paidUntil - AHEAD_MS - now)
  }

  /** A fetch that was sent at that time has brought records. */
  noteRecords(sentAt: number, everyMs: number): void {
    this.#paidUntil = Math.max(this.#paidUntil, sentAt) + everyMs
  }
}
