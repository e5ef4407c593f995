import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { ReplayPace } from './replay-pace.js'
import type { WebhookLane } from './webhook-lane.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Lanes that hold so many replays and start them in turn, and how many each had started after each millisecond. */
function lanesWith(...queued: number[]) {
  const lanes = queued.map((queuedReplays) => ({ state: { queuedReplays } }) as unknown as WebhookLane)
  const held = () => lanes.map(({ state }) => state.queuedReplays)
  const go = (ready: WebhookLane[]): void => {
    for (let lane = ready.shift(); lane; lane = ready.shift()) {
      const state = lane.state as unknown as { queuedReplays: number }
      if (state.queuedReplays === 0 || !pace.admits(lane)) continue
      state.queuedReplays--
      ready.push(lane)
    }
  }
  const pace = new ReplayPace((woken) => go([...woken]))
  go([...lanes])
  return { held }
}

it('spreads what came together, one a millisecond', async () => {
  const { held } = lanesWith(13)
  for (let left = 12; left >= 0; left--) {
    await vi.advanceTimersByTimeAsync(1)
    expect(held()).toEqual([left])
  }
  expect(vi.getTimerCount()).toBe(0)
})

it('gives every lane its turn, and starts the more the more is held', async () => {
  const { held } = lanesWith(64, 64, 64, 64)
  await vi.advanceTimersByTimeAsync(1)
  expect(held()).toEqual([62, 62, 62, 62])
  await vi.advanceTimersByTimeAsync(39)
  expect(Math.max(...held()) - Math.min(...held())).toBeLessThanOrEqual(1)
  expect(held()[0]).toBeLessThan(20)
})

it('makes up for steps that a busy process could not take', async () => {
  const { held } = lanesWith(64)
  // The clock goes on while the timer cannot fire.
  vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 8)
  await vi.advanceTimersByTimeAsync(1)
  expect(held()).toEqual([48])
  vi.restoreAllMocks()
})
