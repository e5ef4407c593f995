import { expect, it } from 'vitest'
import { surpluses } from './surpluses.js'
import { WebhookLane } from './webhook-lane.js'
import { someWork } from '../work.testing.js'

function lanes(queued: number[]): WebhookLane[] {
  return queued.map((count, n) => {
    const lane = new WebhookLane(`whk_${n}`, { shortestMs: 10_000, longestMs: 60_000 })
    for (let i = 0; i < count; i++) lane.enqueue(someWork())
    return lane
  })
}

it.each([
  { queued: [100, 20, 50], most: 40, given: { whk_0: 40 } },
  { queued: [100, 20, 50], most: 60, given: { whk_0: 55, whk_2: 5 } },
  { queued: [100, 20, 50], most: 200, given: { whk_0: 91, whk_1: 11, whk_2: 41 } },
  { queued: [9, 3, 1], most: 10, given: {} },
  { queued: [], most: 10, given: {} },
])('of $queued, the fullest give $most down to one level, and nobody the last nine', ({ queued, most, given }) => {
  const found = surpluses(lanes(queued), most).map(({ lane, surplus }) => [lane.webhookId, surplus])
  expect(Object.fromEntries(found)).toEqual(given)
})

it.each([
  { queued: [9, 3, 1], most: 10, given: { whk_0: 8, whk_1: 2 } },
  { queued: [9, 3, 1], most: 20, given: { whk_0: 9, whk_1: 3, whk_2: 1 } },
])('of $queued, where nothing is kept, also the last nine are given', ({ queued, most, given }) => {
  const found = surpluses(lanes(queued), most, 0).map(({ lane, surplus }) => [lane.webhookId, surplus])
  expect(Object.fromEntries(found)).toEqual(given)
})
