import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { DueTimer } from './due-timer.js'
import { SleepingLanes } from '../lanes/sleeping-lanes.js'
import type { WebhookLane } from '../lanes/webhook-lane.js'

const NOW = 1_000_000
beforeEach(() => void vi.useFakeTimers({ now: NOW }))
afterEach(() => void vi.useRealTimers())

it('hands out what is due later than a timer of Node can wait when it is due, and not before', async () => {
  const due: string[] = []
  const timer = new DueTimer<string>((item) => due.push(item))
  const inMs = 2 ** 31 + 5_000
  timer.add('late', NOW + inMs)
  expect(vi.getTimerCount()).toBe(1)
  await vi.advanceTimersByTimeAsync(inMs - 1)
  expect(due).toEqual([])
  await vi.advanceTimersByTimeAsync(1)
  expect(due).toEqual(['late'])
})

it('wakes a sleeping lane at the earliest time that was asked for, once', async () => {
  const woken: number[] = []
  const sleeping = new SleepingLanes(() => woken.push(Date.now() - NOW))
  const lane = {} as WebhookLane
  for (const inMs of [3_000, 1_000, 2_000]) sleeping.add(lane, NOW + inMs)
  await vi.advanceTimersByTimeAsync(10_000)
  expect(woken).toEqual([1_000])
})
