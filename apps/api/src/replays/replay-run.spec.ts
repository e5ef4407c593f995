import { setImmediate } from 'node:timers/promises'
import { expect, it, vi } from 'vitest'
import type { PlannedDelivery, ReplayPage, ReplayRow, SentMark } from '#postgres'
import { ReplayRun } from './replay-run.js'

const DAY_MS = 86_400_000
const config = { topics: { eventRetentionMs: 30 * DAY_MS, deliveryRetentionMs: 30 * DAY_MS } }

function runWith(store: object, sender: object): ReplayRun {
  const webhooks = { find: async () => ({ version: 1, state: 'active' }) }
  const progress = { isPast: async () => true }
  const logger = { info() {} }
  return new ReplayRun(
    store as never,
    webhooks as never,
    progress as never,
    sender as never,
    config as never,
    logger as never,
  )
}

/** A replay of more events than anybody waits for, whose receiver has started so many of them. */
function aReplay(ratePerSecond: number, acceptedAt = Date.now()) {
  const receiver = { started: 0 }
  let looks = 0
  let rests = 0
  const row = {
    id: 'rpl_1',
    accountId: 'acc_1',
    webhookId: 'whk_1',
    ratePerSecond,
    state: 'running',
    page: null,
    ahead: [],
  }
  const replay = row as unknown as ReplayRow
  let sent = 0
  let planned = 0
  const store = {
    held: async () => replay,
    wasStarted: async (_: string, { chain }: SentMark) => {
      looks++
      return chain < receiver.started
    },
    plan: async (_: string, __: string, limit: number, ___: number, ahead: SentMark[]) => {
      replay.ahead = ahead
      const deliveries = Array.from({ length: limit }, () => ({ chain: planned++, acceptedAt }) as PlannedDelivery)
      replay.page = { deliveries, next: { acceptedAt: 0, eventId: '' } }
    },
    pageSent: async (...[, , , , ahead]: [string, string, ReplayPage, number, SentMark[]]) => {
      Object.assign(replay, { page: null, ahead })
    },
    rest: async () => void rests++,
  }
  const sender = {
    send: async (_: ReplayRow, { deliveries }: ReplayPage) => {
      await setImmediate()
      sent += deliveries.length
      return { sent: deliveries.length, last: deliveries.at(-1) }
    },
  }
  const run = runWith(store, sender)
  const stopping = new AbortController()
  const over = run.go('me', 'rpl_1', stopping.signal)
  const stop = async (): Promise<void> => {
    stopping.abort()
    await over
  }
  /** Until it has looked in vain, twice so that it has had the time to send more. */
  const waits = async (): Promise<void> => {
    const from = looks
    await vi.waitFor(() => expect(looks).toBeGreaterThan(from + 1), { timeout: 5_000 })
  }
  return { receiver, sent: () => sent, rests: () => rests, over, waits, stop }
}

it.each([
  { rate: 1, ahead: 66 },
  { rate: 100, ahead: 200 },
  { rate: 1_000, ahead: 2_000 },
])('is sent some seconds ahead of its receiver and no more, at $rate/s', async ({ rate, ahead }) => {
  const replay = aReplay(rate)
  await vi.waitFor(() => expect(replay.sent()).toBe(ahead))
  await replay.waits()
  expect(replay.sent()).toBe(ahead)
  replay.receiver.started = ahead / 2
  await vi.waitFor(() => expect(replay.sent()).toBe(ahead + ahead / 2))
  await replay.waits()
  expect(replay.sent()).toBe(ahead + ahead / 2)
  await replay.stop()
})

it('gives its place to others when its receiver is behind for long', async () => {
  const replay = aReplay(100)
  await replay.over
  expect([replay.rests(), replay.sent()]).toEqual([1, 200])
}, 15_000)

it('does not wait for what is no longer kept', async () => {
  const replay = aReplay(100, Date.now() - 31 * DAY_MS)
  await vi.waitFor(() => expect(replay.sent()).toBeGreaterThan(1_000))
  await replay.stop()
})

it('counts no further when the process stops, and leaves its start to whoever goes on', async () => {
  const stopping = new AbortController()
  const started: number[] = []
  const store = {
    held: async () => ({ id: 'rpl_1', state: 'waiting', page: null, ratePerSecond: 100 }),
    count: async (_: unknown, isStopped: () => boolean) => {
      stopping.abort()
      return { count: 1, isAll: !isStopped() }
    },
    started: async (...[, , matched]: [string, string, number]) => void started.push(matched),
  }
  await runWith(store, {}).go('me', 'rpl_1', stopping.signal)
  expect(started).toEqual([])
})
