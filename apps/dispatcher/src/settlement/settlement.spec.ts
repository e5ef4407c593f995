import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  ATTEMPTS_PER_CHAIN,
  type AttemptOutcome,
  type Delivery,
  type DisableWebhook,
  RetrySchedule,
  isExpired,
} from '#domain'
import { type Message, TopicMap, decodeDelivery, decodeWebhookCommand } from '#topics'
import { received } from '../../../../libs/topics/src/received.testing.js'
import { AttemptedKeys } from '../past/attempted-keys.js'
import { NewestChains } from '../past/newest-chains.js'
import type { CountedReport } from '../attempts/attempt-delivery.js'
import { Settlement } from './settlement.js'
import { type WorkStandIn, someWork } from '../work.testing.js'

const DAY_MS = 86_400_000
const NOW = 1_000_000_000
const schedule = RetrySchedule.parse('10s,1m,6m,36m,3h36m')
const FAILED: AttemptOutcome = { kind: 'failed', reason: 'http_status', status: 500 }
const OK: AttemptOutcome = { kind: 'succeeded', status: 200 }
const GONE: AttemptOutcome = { kind: 'refused', reason: 'gone', status: 410 }

function reportOf(result: AttemptOutcome): CountedReport {
  const request = { url: 'https://receiver.example/', headers: {} }
  return { attemptId: 'atm_1', startedAt: 0, durationMs: 1, request, response: null, result }
}

function aSettlement() {
  const sent: Message[] = []
  const topics: string[] = []
  const written: Delivery[] = []
  const facts: { next?: unknown }[] = []
  let acknowledged = Promise.resolve()
  const chains = new NewestChains({} as never, {} as never)
  const attempted = new AttemptedKeys()
  const producer = {
    send: (messages: Message[]) => {
      sent.push(...messages)
      topics.push(...messages.map(({ topic }) => topic))
      const putOff = messages.find(({ topic }) => topic.includes('retry'))
      if (putOff) written.push(decodeDelivery(received(putOff)))
      for (const { topic, value } of messages) if (topic === 'delivery-log') facts.push(JSON.parse(value as string))
      return acknowledged
    },
  }
  const map = new TopicMap({ prefix: '', schedule } as never)
  const settlement = new Settlement(producer as never, map, schedule, attempted, chains)
  return {
    settlement,
    topics,
    written,
    facts,
    attempted,
    chains,
    acknowledgeAfter: (promise: Promise<void>): void => {
      acknowledged = promise
    },
    /** The delivery that was written to a topic. */
    writtenTo: (to: string): Delivery => decodeDelivery(received(sent.find(({ topic }) => topic === to)!)),
    command: (): DisableWebhook =>
      decodeWebhookCommand(received(sent.find(({ topic }) => topic === map.webhookCommands)!)),
  }
}

beforeEach(() => void vi.useFakeTimers({ now: NOW, toFake: ['Date'] }))
afterEach(() => void vi.useRealTimers())

it('knows an attempt as done once its retry is written', async () => {
  const { settlement, topics, attempted } = aSettlement()
  const work = someWork()
  await settlement.afterAttempt(work, reportOf(FAILED))
  expect(topics).toContain('deliveries.retry-10s')
  expect(attempted.isDone(work.delivery, Date.now())).toBe(true)
  expect(attempted.isDone({ ...work.delivery, attempt: 2 }, Date.now())).toBe(false)
})

it('leaves the retry to the new owner, and does not take the attempt for done if that is itself again', async () => {
  const { settlement, topics, attempted } = aSettlement()
  const work = someWork({}, { lost: true })
  await settlement.afterAttempt(work, reportOf(FAILED))
  expect(topics).toEqual(['delivery-log'])
  expect(attempted.isDone(work.delivery, Date.now())).toBe(false)
})

it('knows every attempt of a chain as done once the chain has ended', async () => {
  const { settlement, attempted } = aSettlement()
  const work = someWork()
  await settlement.afterAttempt(work, reportOf(OK))
  expect(attempted.isDone({ ...work.delivery, attempt: 3 }, Date.now())).toBe(true)
  expect(attempted.isDone({ ...work.delivery, chain: work.delivery.chain + 1 }, Date.now())).toBe(false)
})

it('writes no retry for a chain that was replaced while its attempt was under way: it ends cancelled', async () => {
  const { settlement, topics, facts, chains } = aSettlement()
  const work = someWork()
  chains.saw({ ...work.delivery, chain: 1 })
  await settlement.afterAttempt(work, reportOf(FAILED))
  expect(topics).toEqual(['delivery-log'])
  expect(facts).toMatchObject([{ kind: 'attempted', next: { kind: 'end', end: 'cancelled' } }])
})

it('takes a success of a replaced chain for what it is', async () => {
  const { settlement, facts, chains } = aSettlement()
  const work = someWork()
  chains.saw({ ...work.delivery, chain: 1 })
  await settlement.afterAttempt(work, reportOf(OK))
  expect(facts).toMatchObject([{ next: { kind: 'end', end: 'delivered' } }])
})

it('lets nothing age by a fault of ours, also where the receiver has it put off later', async () => {
  const { settlement, written } = aSettlement()
  const startedAt = Date.now()
  vi.useFakeTimers({ now: startedAt })
  try {
    await settlement.defer(someWork(), startedAt + 5_000, 'us')
    vi.setSystemTime(startedAt + DAY_MS)
    await settlement.defer(someWork(written.at(-1)), Date.now() + 5_000, 'us')
    await settlement.defer(someWork(written.at(-1)), Date.now() + 10_000)
    const watched = { watchedSince: startedAt, lastSuccessAt: -Infinity }
    expect(isExpired(written.at(-1)!, watched, DAY_MS, Date.now() + 10_000)).toBe(false)
    expect(isExpired(written.at(-1)!, watched, DAY_MS, Date.now() + DAY_MS + 1)).toBe(true)
  } finally {
    vi.useRealTimers()
  }
})

it('ends a chain once, though two of its records are dropped at the same time', async () => {
  const { settlement, facts, attempted } = aSettlement()
  const [first, second] = [someWork({ id: 'dlv_two' }), someWork({ id: 'dlv_two', attempt: 2 })]
  const ending = settlement.end(first, 'cancelled')
  expect(attempted.isDone(second.delivery, Date.now())).toBe(true)
  expect(first.completed).toBe(false)
  await ending
  expect(first.completed).toBe(true)
  expect(facts).toHaveLength(1)
})

const command: DisableWebhook = {
  kind: 'disable_webhook',
  webhookId: 'whk_1',
  accountId: 'acc_1',
  version: 1,
  reason: 'gone',
  at: NOW,
  evidence: {
    failures: 1,
    since: NOW,
    lastFailureAt: NOW,
    lastFailure: '410',
    lastStatus: 410,
    deliveryId: 'dlv_1',
    eventId: 'evt_1',
  },
}

it.each<[string, (settlement: Settlement, work: WorkStandIn) => Promise<unknown>]>([
  ['an attempt', (settlement, work) => settlement.afterAttempt(work, reportOf(OK))],
  ['an attempt that failed', (settlement, work) => settlement.afterAttempt(work, reportOf(FAILED))],
  ['an end without an attempt', (settlement, work) => settlement.end(work, 'cancelled')],
  ['a deferral', (settlement, work) => settlement.defer(work, NOW + 1_000)],
  ['a record that nobody can read', (settlement, work) => settlement.undecodable(work.record, work.batch, 'not JSON')],
])('completes the record of %s when what follows is acknowledged, and not before', async (_, settle) => {
  const { settlement, topics, acknowledgeAfter } = aSettlement()
  let acknowledge = () => {}
  acknowledgeAfter(new Promise((resolve) => (acknowledge = resolve)))
  const work = someWork()
  const settled = settle(settlement, work)
  await Promise.resolve()
  expect([topics.length > 0, work.completed]).toEqual([true, false])
  acknowledge()
  await settled
  expect(work.completed).toBe(true)
})

describe('a retry', () => {
  it('is the next attempt, after its tier, of a chain that began with the first one', async () => {
    const { settlement, writtenTo } = aSettlement()
    const report = reportOf(FAILED)
    await settlement.afterAttempt(someWork({ isDeferred: true, notBefore: 1 }), report)
    const [tier] = schedule.tiers
    expect(writtenTo('deliveries.retry-10s')).toMatchObject({
      attempt: 2,
      notBefore: NOW + tier!.delayMs,
      chainStartedAt: report.startedAt,
      isDeferred: false,
    })
  })

  it('leaves the beginning of its chain as it was', async () => {
    const { settlement, writtenTo } = aSettlement()
    await settlement.afterAttempt(someWork({ attempt: 2, chainStartedAt: 7 }), reportOf(FAILED))
    expect(writtenTo('deliveries.retry-1m').chainStartedAt).toBe(7)
  })
})

describe('the dead letters', () => {
  const last = { attempt: ATTEMPTS_PER_CHAIN }

  it.each<[string, Partial<Delivery>, AttemptOutcome, boolean]>([
    ['get what was tried for the last time', last, FAILED, true],
    ['get what a receiver refused for good', {}, GONE, true],
    ['get nothing that was delivered', last, OK, false],
    ['get no test', { trigger: 'test' }, FAILED, false],
  ])('%s', async (_, delivery, outcome, isKept) => {
    const { settlement, topics, writtenTo } = aSettlement()
    const work = someWork(delivery)
    await settlement.afterAttempt(work, reportOf(outcome))
    expect(topics.includes('deliveries.dead-letter')).toBe(isKept)
    if (isKept) expect(writtenTo('deliveries.dead-letter')).toEqual(work.delivery)
  })

  it.each([
    ['expired', true],
    ['cancelled', false],
  ] as const)('without an attempt: %s', async (end, isKept) => {
    const { settlement, topics, facts } = aSettlement()
    await settlement.end(someWork(), end)
    expect(topics.includes('deliveries.dead-letter')).toBe(isKept)
    expect(facts).toMatchObject([{ kind: 'chain_ended', at: NOW, end }])
  })
})

it('writes the command that an attempt led to together with what else follows, and repeats it alone', async () => {
  const first = aSettlement()
  await first.settlement.afterAttempt(someWork(), reportOf(GONE), command)
  expect(first.command()).toEqual(command)
  expect(first.topics).toContain('delivery-log')
  const again = aSettlement()
  await again.settlement.repeatCommand(command)
  expect(again.topics).toEqual(['webhook-commands'])
})

describe('a delivery that is put off', () => {
  it.each([
    ['10s', 1_000, 1_000],
    ['10s', 10_000, 10_000],
    ['1m', 10_001, 10_001],
    ['6m', 60_001, 60_001],
    // No longer, whatever the lane expects: a receiver that is back is not kept waiting.
    ['6m', 3_600_000, 360_000],
  ])('waits in %s when its time comes in %i ms, and is due in %i', async (tier, inMs, dueInMs) => {
    const { settlement, topics, writtenTo } = aSettlement()
    await settlement.defer(someWork({ attempt: 3 }), NOW + inMs)
    expect(topics[0]).toBe(`deliveries.retry-${tier}`)
    expect(writtenTo(topics[0]!)).toMatchObject({ attempt: 3, notBefore: NOW + dueInMs, isDeferred: true })
  })

  it.each([
    ['tells of it when that is for a minute or more', 60_000, true],
    ['says nothing of less: it is back before anyone looks', 59_999, false],
  ])('%s', async (_, inMs, isTold) => {
    const { settlement, facts } = aSettlement()
    await settlement.defer(someWork({ attempt: 2 }), NOW + inMs)
    const told = { kind: 'deferred', at: NOW, attempt: 2, notBefore: NOW + inMs }
    expect(facts).toEqual(isTold ? [expect.objectContaining(told)] : [])
  })

  // A receiver that takes one and says "in 30 seconds" to the others: without a fact they would be reported as overdue.
  it('tells of it every five minutes however short the times are for which it is put off', async () => {
    const { settlement, facts, written } = aSettlement()
    for (let times = 0; times < 80; times++) {
      await settlement.defer(someWork(written.at(-1) ?? { acceptedAt: NOW }), Date.now() + 30_000)
      vi.setSystemTime(written.at(-1)!.notBefore!)
    }
    const told = [NOW, ...facts.map((fact) => (fact as unknown as { notBefore: number }).notBefore)]
    const apart = told.slice(1).map((time, i) => time - told[i]!)
    expect(apart).toEqual(Array.from({ length: 8 }, () => 300_000))
  })

  it('ages from the first time that it was put off for its receiver, and from the beginning of its chain', async () => {
    const { settlement, writtenTo } = aSettlement()
    await settlement.defer(someWork(), NOW + 1)
    expect(writtenTo('deliveries.retry-10s')).toMatchObject({ deferredSince: NOW, chainStartedAt: NOW })
    const again = aSettlement()
    await again.settlement.defer(someWork({ deferredSince: 5, chainStartedAt: 4 }), NOW + 1)
    expect(again.writtenTo('deliveries.retry-10s')).toMatchObject({ deferredSince: 5, chainStartedAt: 4 })
  })

  it.each([null, 5])('does not begin to age by a fault of ours: %s', async (deferredSince) => {
    const { settlement, writtenTo } = aSettlement()
    await settlement.defer(someWork({ deferredSince, chainStartedAt: deferredSince }), NOW + 1, 'us')
    expect(writtenTo('deliveries.retry-10s')).toMatchObject({ deferredSince, chainStartedAt: deferredSince })
  })

  it('is left to the new owner of its partition, who reads the same record', async () => {
    const { settlement, topics } = aSettlement()
    const work = someWork({}, { lost: true })
    await settlement.defer(work, NOW + 1)
    expect([topics, work.completed]).toEqual([[], false])
  })
})
