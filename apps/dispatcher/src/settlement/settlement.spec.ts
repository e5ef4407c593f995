import { expect, it, vi } from 'vitest'
import { type AttemptOutcome, type Delivery, RetrySchedule, isExpired } from '#domain'
import { TopicMap, decodeDelivery } from '#topics'
import { AttemptedKeys } from '../past/attempted-keys.js'
import { NewestChains } from '../past/newest-chains.js'
import type { CountedReport } from '../attempts/attempt-delivery.js'
import { Settlement } from './settlement.js'
import { someWork } from '../work.testing.js'

const DAY_MS = 86_400_000
const schedule = RetrySchedule.parse('10s,1m,6m,36m,3h36m')
const FAILED: AttemptOutcome = { kind: 'failed', reason: 'http_status', status: 500 }
const OK: AttemptOutcome = { kind: 'succeeded', status: 200 }

function reportOf(result: AttemptOutcome): CountedReport {
  const request = { url: 'https://receiver.example/', headers: {} }
  return { attemptId: 'atm_1', startedAt: 0, durationMs: 1, request, response: null, result }
}

function aSettlement() {
  const topics: string[] = []
  const written: Delivery[] = []
  const facts: { next?: unknown }[] = []
  const chains = new NewestChains({} as never, {} as never)
  const attempted = new AttemptedKeys()
  const producer = {
    send: (messages: { topic: string; value: string }[]) => {
      topics.push(...messages.map(({ topic }) => topic))
      const putOff = messages.find(({ topic }) => topic.includes('retry'))
      if (putOff) written.push(decodeDelivery({ ...putOff, timestamp: 0 } as never))
      for (const { topic, value } of messages) if (topic === 'delivery-log') facts.push(JSON.parse(value))
      return Promise.resolve()
    },
  }
  const map = new TopicMap({ prefix: '', schedule } as never)
  const settlement = new Settlement(producer as never, map, schedule, attempted, chains)
  return { settlement, topics, written, facts, attempted, chains }
}

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
  chains.saw({ id: work.delivery.id, chain: 1 })
  await settlement.afterAttempt(work, reportOf(FAILED))
  expect(topics).toEqual(['delivery-log'])
  expect(facts).toMatchObject([{ kind: 'attempted', next: { kind: 'end', end: 'cancelled' } }])
})

it('takes a success of a replaced chain for what it is', async () => {
  const { settlement, facts, chains } = aSettlement()
  const work = someWork()
  chains.saw({ id: work.delivery.id, chain: 1 })
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
