import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Replays } from './replays.js'
import { replayRequest } from './replay-schemas.js'
import { detailOfCount, detailOfReplay } from './replay-view.js'

const NOW = Date.parse('2024-01-15T12:00:00Z')
const DAY_MS = 86_400_000
const config = { topics: { eventRetentionMs: 30 * DAY_MS, deliveryRetentionMs: 30 * DAY_MS } }

beforeEach(() => void vi.useFakeTimers({ now: NOW, toFake: ['Date'] }))
afterEach(() => void vi.useRealTimers())

/** An account with so many events to look at, a thousand each second. */
function anAccountWith(events: number) {
  const created: { matched: number }[] = []
  const store = {
    count: async (_: unknown, isStopped: () => boolean) => {
      for (let count = 0; count < events; count += 1_000) {
        if (isStopped()) return { count, isAll: false }
        vi.setSystemTime(Date.now() + 1_000)
      }
      return { count: events, isAll: true }
    },
    create: async (replay: { matched: number }) => created.push(replay),
  }
  const webhooks = { find: async () => ({ state: 'active', events: ['context.updated'] }) }
  const progress = { ends: async () => ({}), caughtUp: async () => true }
  const [runner, logger] = [{ wake() {} }, { info() {} }]
  const replays = new Replays(
    store as never,
    webhooks as never,
    progress as never,
    runner as never,
    config as never,
    logger as never,
  )
  const ask = (dry_run: boolean) =>
    replays.request(
      'acc_1',
      'whk_1',
      replayRequest.parse({ since: new Date(NOW - DAY_MS).toISOString(), only: 'all', dry_run }),
    )
  return { ask, created }
}

it('is counted, and stored with the count', async () => {
  const { ask, created } = anAccountWith(3_000)
  const requested = await ask(false)
  expect(requested).toMatchObject({ count: 3_000, isAll: true })
  expect(created).toMatchObject([{ matched: 3_000 }])
  expect(detailOfReplay(requested)).toEqual({})
})

it('of millions of events is answered in time, says that there are more, and is stored', async () => {
  const { ask, created } = anAccountWith(1_000_000)
  const requested = await ask(false)
  expect(requested).toMatchObject({ count: 10_000, isAll: false })
  expect(created).toMatchObject([{ matched: 10_000 }])
  expect(detailOfReplay(requested).detail).toContain('at least so many')
})

it('of which only the count is asked for says the same, and leaves nothing', async () => {
  const { ask, created } = anAccountWith(1_000_000)
  const requested = await ask(true)
  expect(requested).toMatchObject({ id: null, count: 10_000, isAll: false, isBehind: false })
  expect(created).toEqual([])
  expect(detailOfCount({ count: 10_000, isAll: false, isBehind: false }).detail).toContain('at least so many')
})
