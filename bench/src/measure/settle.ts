import { setTimeout as sleep } from 'node:timers/promises'
import type { DeliveryLedger } from '../load/delivery-ledger.js'

const everyMs = 50
// Longer than an attempt may take and its slot is held; what comes later than that comes from a retry.
const quietMs = 6000

/** Waits until all is delivered, or nothing has arrived for 6 s, or the time is over. */
export async function settle(
  ledger: DeliveryLedger,
  expected: () => number,
  mostSeconds: number,
  signal: AbortSignal,
): Promise<void> {
  const limit = performance.now() + mostSeconds * 1000
  let last = { delivered: -1, at: 0 }
  while (ledger.delivered < expected()) {
    const now = performance.now()
    if (ledger.delivered !== last.delivered) last = { delivered: ledger.delivered, at: now }
    if (now - last.at > quietMs || now > limit) return
    await sleep(everyMs, undefined, { signal })
  }
}
