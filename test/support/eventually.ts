import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Tries an expectation again and again until it holds, and answers what it answered; when the time is up it fails
 * with the expectation's own last words.
 */
export async function eventually<T>(expectation: () => T | Promise<T>, timeoutMs = 30_000): Promise<T> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    try {
      return await expectation()
    } catch (error) {
      if (Date.now() > deadline) throw error
    }
    await sleep(25)
  }
}
