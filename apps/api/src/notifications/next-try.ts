const FIRST_WAIT_MS = 10_000
const LONGEST_WAIT_MS = 3_600_000
/** News that is older is none, and an address that refuses mail for so long is wrong. Ms. */
const GIVE_UP_AFTER_MS = 3 * 86_400_000

/** When to try again after a failure, ms since the epoch; null: not any more. `attempts` counts from 1. */
export function nextTry(attempts: number, createdAt: number, now: number): number | null {
  const at = now + Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempts - 1))
  return at - createdAt > GIVE_UP_AFTER_MS ? null : at
}
