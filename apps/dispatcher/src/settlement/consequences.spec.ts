import { expect, it } from 'vitest'
import { Lane } from '#domain'
import { Registry } from '#telemetry'
import { AttemptedKeys } from '../past/attempted-keys.js'
import { Consequences } from './consequences.js'
import { DispatchMetrics } from '../dispatch-metrics.js'
import { MemoryBounds } from '../memory-bounds.js'
import { NewestChains } from '../past/newest-chains.js'
import type { Settlement } from './settlement.js'
import { someWork } from '../work.testing.js'
import { WorksInHand } from '../works-in-hand.js'

const DAY_MS = 86_400_000

/** What a delivery ends as that is put off two days after it was put off first, with a limit of one day. */
function endOfAnOldDelivery(isReplaced: boolean): string | undefined {
  let ended: string | undefined
  const settlement = {
    end: (_: unknown, end: string) => {
      ended = end
      return Promise.resolve()
    },
  }
  const chains = new NewestChains({} as never, {} as never)
  const metrics = new DispatchMetrics(new Registry())
  const inHand = new WorksInHand(new AttemptedKeys(), new MemoryBounds(), metrics)
  const silent = { info() {} } as never
  const consequences = new Consequences(settlement as unknown as Settlement, inHand, chains, metrics, DAY_MS, silent)
  const lane = new Lane({ shortestMs: 10_000, longestMs: 60_000 }, 0)
  const longAgo = Date.now() - 2 * DAY_MS
  const work = someWork({ id: 'dlv_1', deferredSince: longAgo, chainStartedAt: longAgo })
  if (isReplaced) chains.saw({ id: 'dlv_1', chain: 1 })
  inHand.take(work)

  consequences.putOff(lane, work, Date.now())

  return ended
}

it('a record that nobody can read is waited for at a drain', async () => {
  let written = () => {}
  const settlement = { undecodable: () => new Promise<void>((resolve) => (written = resolve)) }
  const unused = {} as never
  const consequences = new Consequences(settlement as unknown as Settlement, unused, unused, unused, DAY_MS, unused)
  consequences.undecodable({} as never, {} as never, 'not JSON')
  expect(await consequences.drained(1)).toBe(false)
  written()
  expect(await consequences.drained(1_000)).toBe(true)
})

it('a delivery that has waited too long expires, and one that was replaced is cancelled all the same', () => {
  expect(endOfAnOldDelivery(false)).toBe('expired')
  expect(endOfAnOldDelivery(true)).toBe('cancelled')
})
