import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { ReplayPace } from './replay-pace.js'
import type { WebhookLane } from './webhook-lane.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Lanes that start what they may as soon as they are woken, and how many started within each millisecond. */
function lanesWith(...queued: number[]) {
  const started: number[] = []
  const pace = new ReplayPace((lane) => go(lane))
  const go = (lane: WebhookLane): void => {
    const state = lane.state as unknown as { queuedReplays: number }
    while (state.queuedReplays > 0 && pace.admits(lane)) {
      state.queuedReplays--
      const ms = Date.now() - begun
      started[ms] = (started[ms] ?? 0) + 1
    }
  }
  const begun = Date.now()
  for (const queuedReplays of queued) go({ state: { queuedReplays } } as WebhookLane)
  return started
}

it('spreads what came together, one a millisecond', async () => {
  const started = lanesWith(13)
  await vi.advanceTimersByTimeAsync(100)
  expect(started).toEqual([undefined, ...Array<number>(13).fill(1)])
})

it('starts all that is there within some twenty milliseconds, however many lanes hold it', async () => {
  const started = lanesWith(64, 64, 64, 64)
  await vi.advanceTimersByTimeAsync(20)
  expect(Math.max(...started.slice(1))).toBe(16)
  expect(started.slice(1).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(180)
  await vi.advanceTimersByTimeAsync(60)
  expect(started.slice(1).reduce((sum, count) => sum + count, 0)).toBe(256)
  expect(vi.getTimerCount()).toBe(0)
})
