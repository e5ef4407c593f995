/** Doubling pauses: 50 ms, 100 ms, … up to `maxMs`; `attempt` counts from 0. */
export function backoffMs(attempt: number, maxMs: number): number {
  return Math.min(50 * 2 ** Math.min(attempt, 20), maxMs)
}
