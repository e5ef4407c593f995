const FIRST_WAIT_MS = 10_000
const LONGEST_WAIT_MS = 3_600_000
/** Mail that is refused so long after its news is given up. A server that takes none is ours to mend: no news is lost. Ms. */
const REFUSED_FOR_MS = 3 * 86_400_000

/** When to try again after a failure, ms since the epoch; null: not any more. `attempts` counts from 1. */
export function nextTry(attempts: number, createdAt: number, isRefused: boolean, now: number): number | null {
  const at = now + Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempts - 1))
  return isRefused && at - createdAt > REFUSED_FOR_MS ? null : at
}
