import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { PendingSends } from './pending-sends.js'

const deadlineMs = 3_000

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function waiting(sends: PendingSends): Promise<string> {
  const send = sends.create(1)
  sends.watch(send)
  return send.promise.then(
    () => 'acknowledged',
    ({ code }: { code: string }) => code,
  )
}

describe('PendingSends', () => {
  it('fails each at its own deadline, and tells once for all that are failed together', async () => {
    const onExpired = vi.fn()
    const sends = new PendingSends(deadlineMs, onExpired)
    const first = waiting(sends)
    vi.advanceTimersByTime(1_000)
    const second = waiting(sends)
    vi.advanceTimersByTime(2_000)
    expect(await first).toBe('timed_out')
    expect(sends.isEmpty).toBe(false)
    vi.advanceTimersByTime(1_000)
    expect(await second).toBe('timed_out')
    expect(sends.isEmpty).toBe(true)
    expect(onExpired).toHaveBeenCalledTimes(2)
  })

  it.each([-3_600_000, 3_600_000])('keeps to its deadlines when the clock is set by %i ms meanwhile', async (byMs) => {
    const sends = new PendingSends(deadlineMs, () => undefined)
    const before = waiting(sends)
    vi.advanceTimersByTime(500)
    vi.setSystemTime(Date.now() + byMs)
    vi.advanceTimersByTime(1_000)
    expect(sends.isEmpty).toBe(false)
    const after = waiting(sends)
    vi.advanceTimersByTime(1_500)
    expect(await before).toBe('timed_out')
    vi.advanceTimersByTime(1_500)
    expect(await after).toBe('timed_out')
  })
})
