import { expect, it, vi } from 'vitest'
import { Lane } from '#domain'
import { ProduceFailed } from '#kafka'
import { Registry, Tracing } from '#telemetry'
import { aTracing } from '../../../../libs/telemetry/src/tracing.testing.js'
import type { AttemptReport } from '../attempts/attempt-delivery.js'
import { AttemptedKeys } from '../past/attempted-keys.js'
import { Consequences } from './consequences.js'
import { DispatchMetrics } from '../dispatch-metrics.js'
import { MemoryBounds } from '../memory-bounds.js'
import { NewestChains } from '../past/newest-chains.js'
import type { Settlement } from './settlement.js'
import { someWork } from '../work.testing.js'
import { WorksInHand } from '../works-in-hand.js'

const DAY_MS = 86_400_000

/** With what the test looks at of its own. */
function aConsequences(
  settlement: object,
  {
    registry = new Registry(),
    tracing = Tracing.off,
    logger = {},
  }: { registry?: Registry; tracing?: Tracing; logger?: object } = {},
) {
  const chains = new NewestChains({} as never, {} as never)
  const metrics = new DispatchMetrics(registry)
  const inHand = new WorksInHand(new AttemptedKeys(), new MemoryBounds(), metrics)
  const quiet = { info() {}, error() {}, ...logger } as never
  const consequences = new Consequences(settlement as Settlement, inHand, chains, metrics, tracing, DAY_MS, quiet)
  return { consequences, chains, inHand }
}

/** What a delivery ends as that is put off two days after it was put off first, with a limit of one day. */
function endOfAnOldDelivery(isReplaced: boolean): string | undefined {
  let ended: string | undefined
  const settlement = {
    end: (_: unknown, end: string) => {
      ended = end
      return Promise.resolve()
    },
  }
  const { consequences, chains, inHand } = aConsequences(settlement)
  const lane = new Lane({ shortestMs: 10_000, longestMs: 60_000 }, 0)
  const longAgo = Date.now() - 2 * DAY_MS
  const work = someWork({ id: 'dlv_1', deferredSince: longAgo, chainStartedAt: longAgo })
  if (isReplaced) chains.saw({ ...work.delivery, chain: 1 })
  inHand.take(work)

  consequences.putOff(lane, work, Date.now())

  return ended
}

it('a record that nobody can read is waited for at a drain', async () => {
  let written = () => {}
  const settlement = { undecodable: () => new Promise<void>((resolve) => (written = resolve)) }
  const { consequences } = aConsequences(settlement)
  consequences.undecodable({} as never, {} as never, 'not JSON')
  expect(await consequences.drained(1)).toBe(false)
  written()
  expect(await consequences.drained(1_000)).toBe(true)
})

it('a delivery that has waited too long expires, and one that was replaced is cancelled all the same', () => {
  expect(endOfAnOldDelivery(false)).toBe('expired')
  expect(endOfAnOldDelivery(true)).toBe('cancelled')
})

it('a fault of ours is told once a minute of each webhook and cause, and counted each time', async () => {
  const told: object[] = []
  const registry = new Registry()
  const logger = { error: (fields: object) => void told.push(fields) }
  const { consequences } = aConsequences({ defer: () => Promise.resolve(0) }, { registry, logger })
  const lane = new Lane({ shortestMs: 10_000, longestMs: 60_000 }, 0)
  const fail = (webhookId: string, now: number) =>
    consequences.failedByUs(lane, someWork({ webhookId }), { ourFault: 'sealed_secret' } as AttemptReport, now)
  for (const now of [0, 1, 59_999]) fail('whk_1', now)
  expect(told).toHaveLength(1)
  fail('whk_2', 59_999)
  fail('whk_1', 60_000)
  expect(told).toMatchObject([{ webhookId: 'whk_1' }, { webhookId: 'whk_2' }, { webhookId: 'whk_1' }])
  expect(await registry.getSingleMetric('webhooks_own_faults_total')!.get()).toMatchObject({
    values: expect.arrayContaining([expect.objectContaining({ value: 5 })]) as unknown,
  })
})

it('an attempt is one span, once what follows from it is written, and so is a fault of ours', async () => {
  const { tracing, spans } = aTracing()
  let written = () => {}
  const settlement = {
    afterAttempt: () => new Promise((resolve) => (written = () => resolve({ kind: 'end', end: 'delivered' }))),
    defer: () => Promise.resolve(),
  }
  const { consequences } = aConsequences(settlement, { tracing })
  const request = { url: 'https://example.com/', headers: {} }
  const report = { attemptId: 'atm_1', startedAt: 0, durationMs: 1, request, response: null }

  const done = consequences.attempted(someWork(), { ...report, result: { kind: 'succeeded', status: 200 } }, null)
  expect(spans).toEqual([])
  written()
  await done
  const lane = new Lane({ shortestMs: 10_000, longestMs: 60_000 }, 0)
  consequences.failedByUs(lane, someWork(), { ...report, result: null, ourFault: 'memory' }, 0)

  expect(spans).toMatchObject([
    { name: 'delivery.attempt', failure: undefined, attributes: { 'delivery.next': 'delivered' }, hasEnded: true },
    { name: 'delivery.attempt', failure: 'memory', attributes: { 'delivery.outcome': 'our_fault' }, hasEnded: true },
  ])
})

it('a drain waits for all that is to be written, and no longer', async () => {
  const written: (() => void)[] = []
  const settlement = { undecodable: () => new Promise<void>((resolve) => written.push(resolve)) }
  const { consequences } = aConsequences(settlement)
  for (let i = 0; i < 2; i++) consequences.undecodable({} as never, {} as never, 'not JSON')
  const drained = consequences.drained(DAY_MS)
  written[0]!()
  await new Promise((resolve) => setImmediate(resolve))
  written[1]!()
  expect(await drained).toBe(true)
})

it('what is put off is held until that is written', async () => {
  let acknowledge = () => {}
  const settlement = { defer: () => new Promise<void>((resolve) => (acknowledge = resolve)) }
  const chains = new NewestChains({} as never, {} as never)
  const metrics = new DispatchMetrics(new Registry())
  const memory = new MemoryBounds()
  const inHand = new WorksInHand(new AttemptedKeys(), memory, metrics)
  const unused = {} as never
  const consequences = new Consequences(
    settlement as unknown as Settlement,
    inHand,
    chains,
    metrics,
    Tracing.off,
    DAY_MS,
    unused,
  )
  const lane = new Lane({ shortestMs: 10_000, longestMs: 60_000 })
  const work = someWork()
  inHand.take(work)
  const { records, bytes } = memory.live

  consequences.putOff(lane, work, Date.now())

  expect(consequences.deferring).toEqual({ records, bytes })
  expect([memory.live.records, lane.unfinished]).toEqual([1, 1])
  acknowledge()
  await consequences.drained(DAY_MS)
  expect(consequences.deferring).toEqual({ records: 0, bytes: 0 })
  expect([memory.live.records, memory.live.bytes]).toEqual([0, 0])
})

it.each([
  ['ends the process', false, new Error('no space left'), true],
  ['ends it also while it drains', true, new Error('no space left'), true],
  ['ends it when the producer was closed too early', false, new ProduceFailed('closed', 'closed'), true],
  ['is left to the log when the process ends', true, new ProduceFailed('closed', 'closed'), false],
])('what cannot be written %s', async (_, isEnding, error, endsProcess) => {
  const unused = {} as never
  const consequences = new Consequences(unused, unused, unused, unused, unused, DAY_MS, unused)
  const others = process.listeners('unhandledRejection')
  const ended = vi.fn()
  process.removeAllListeners('unhandledRejection').on('unhandledRejection', ended)
  try {
    if (isEnding) consequences.ending()
    consequences.track(Promise.reject(error))
    await new Promise((resolve) => setImmediate(resolve))
    expect(ended.mock.calls.map(([reason]) => reason as unknown)).toEqual(endsProcess ? [error] : [])
  } finally {
    process.removeAllListeners('unhandledRejection')
    for (const other of others) process.on('unhandledRejection', other)
  }
})
