import { setTimeout as pause } from 'node:timers/promises'
import { DatabaseUnavailable } from './database-unavailable.js'

const AGAIN_AFTER_MS = 1_000

/**
 * Asks again and again while Postgres cannot answer, for what a process cannot begin without: one that ended instead would
 * be restarted after ever longer pauses, and be away for minutes after Postgres is back.
 * @param onUnavailable told of the first refusal only
 * @throws whatever else goes wrong
 */
export async function untilAvailable<T>(
  ask: () => Promise<T>,
  onUnavailable: (error: DatabaseUnavailable) => void,
  againAfterMs = AGAIN_AFTER_MS,
): Promise<T> {
  for (let isFirst = true; ; isFirst = false) {
    try {
      return await ask()
    } catch (error) {
      if (!(error instanceof DatabaseUnavailable)) throw error
      if (isFirst) onUnavailable(error)
      await pause(againAfterMs)
    }
  }
}
