interface RequestQueue {
  pending: unknown[]
  throttledUntil: number
  throttleCheckTimeoutId: NodeJS.Timeout | null
  checkPendingRequests(): void
}

/** How often a full queue looks for room when the broker asked for no pause; kafkajs' own number. */
const CHECK_PENDING_MS = 10

/**
 * kafkajs arms a timer of one millisecond again and again on every connection, also when nothing waits:
 * 1-2 % of a core per idle process. Armed only for a request that waits; push() arms it for the first one.
 */
export function restIdleTimer(queueClass: { prototype: { scheduleCheckPendingRequests(): void } }): void {
  queueClass.prototype.scheduleCheckPendingRequests = checkWhenSomethingWaits
}

function checkWhenSomethingWaits(this: RequestQueue): void {
  if (this.pending.length === 0 || this.throttleCheckTimeoutId) return
  const throttledMs = this.throttledUntil - Date.now()
  this.throttleCheckTimeoutId = setTimeout(
    () => {
      this.throttleCheckTimeoutId = null
      this.checkPendingRequests()
    },
    throttledMs > 0 ? throttledMs : CHECK_PENDING_MS,
  )
}
