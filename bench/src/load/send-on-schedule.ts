import { setTimeout as sleep } from 'node:timers/promises'
import type { EvenSchedule } from './even-schedule.js'

/**
 * Calls `send` for each of the first `count` events when it is due, in order, without waiting for what became of the
 * others. The timer makes an event up to about 1 ms late, which counts as latency like everything after its due time.
 *
 * @throws the signal's reason, when it is aborted
 */
export async function sendOnSchedule(
  schedule: EvenSchedule,
  count: number,
  send: (sequence: number) => void,
  signal: AbortSignal,
): Promise<void> {
  for (let next = 0; next < count;) {
    const now = performance.now()
    const due = Math.min(count, schedule.dueCount(now))
    while (next < due) send(next++)
    signal.throwIfAborted()
    if (next < count) await sleep(Math.max(1, schedule.dueAt(next) - now))
  }
}
