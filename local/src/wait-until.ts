import { setTimeout as sleep } from 'node:timers/promises'

export interface WaitLimits {
  /** Without it there is no limit: for what may take as long as it likes, while somebody watches `signal`. */
  timeoutMs?: number
  everyMs?: number
  /** Aborted: the wait ends at once and throws its reason. */
  signal?: AbortSignal
}

/**
 * Asks again and again until the answer is true.
 *
 * @throws Error `<what> did not happen within <n> s` after `timeoutMs`; the signal's reason; whatever `condition` throws
 */
export async function waitUntil(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limits: WaitLimits,
): Promise<void> {
  const { timeoutMs = Infinity, everyMs = 50, signal } = limits
  const deadline = Date.now() + timeoutMs
  for (;;) {
    signal?.throwIfAborted()
    if (await condition()) return
    if (Date.now() > deadline) throw new Error(`${what} did not happen within ${timeoutMs / 1000} s`)
    await sleep(everyMs)
  }
}
