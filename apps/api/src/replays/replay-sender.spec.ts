import { afterEach, expect, it, vi } from 'vitest'
import { RetrySchedule, TokenBucket } from '#domain'
import { BatchingProducer, type KafkaConnection } from '#kafka'
import type { ReplayPage, ReplayRow, ReplayStore } from '#postgres'
import { Registry } from '#telemetry'
import { type Message, TopicMap, decodeDelivery, decodeFact } from '#topics'
import { ReplaySender } from './replay-sender.js'

const topics = new TopicMap({
  prefix: '',
  schedule: RetrySchedule.parse('1s,1s,1s,1s,1s'),
  eventRetentionMs: 1,
  deliveryRetentionMs: 1,
  deliveryMaxAgeMs: 1,
})
const replay = { id: 'rpl_1', accountId: 'acc_1', webhookId: 'whk_1', ratePerSecond: 400 } as ReplayRow

/** Four bursts of ten at 400/s, the last one shorter. */
const EVENTS = Array.from({ length: 37 }, (_, n) => `evt_${n}`)
const page: ReplayPage = {
  deliveries: EVENTS.map((eventId, n) => ({ eventId, eventType: 'context.updated', acceptedAt: n, chain: 0 })),
  next: { acceptedAt: EVENTS.length, eventId: '' },
}

afterEach(() => void vi.restoreAllMocks())

it('writes the fact of every chain before its delivery, and mostly in the request of the burst before', async () => {
  const requests: { deliveries: string[]; facts: string[] }[] = []
  vi.spyOn(BatchingProducer.prototype, 'send').mockImplementation(async (records) => {
    const messages = records as Message[]
    const told = new Set(requests.flatMap(({ facts }) => facts))
    const deliveries = messages
      .filter(({ topic }) => topic === topics.replay)
      .map((each) => decodeDelivery(each as never))
    const facts = messages.filter(({ topic }) => topic === topics.deliveryLog).map((each) => decodeFact(each as never))
    expect(deliveries.every(({ id }) => told.has(id))).toBe(true)
    requests.push({
      deliveries: deliveries.map(({ id }) => id),
      facts: facts.map((fact) => (fact.kind === 'redelivery_requested' ? fact.delivery.deliveryId : fact.kind)),
    })
  })
  const bodies = new Map(page.deliveries.map(({ eventId, acceptedAt }) => [`${eventId}/${acceptedAt}`, '{}']))
  const store = { bodies: async () => bodies } as unknown as ReplayStore
  const connection = { link: () => ({}) } as unknown as KafkaConnection
  const sender = new ReplaySender(connection, topics, store, new Registry(), { debug() {} } as never)

  const { sent, last } = await sender.send(replay, page, 1, new TokenBucket(400, 400, Date.now()))

  expect([sent, last]).toEqual([EVENTS.length, page.deliveries.at(-1)])
  const written = requests.flatMap(({ deliveries }) => deliveries)
  expect(new Set(written).size).toBe(EVENTS.length)
  expect(written).toEqual(requests.flatMap(({ facts }) => facts))
  expect(requests.map(({ deliveries }) => deliveries.length)).toEqual([0, 10, 10, 10, 7])
})

it('tells which was the last of two events that came under one id, days apart', async () => {
  vi.spyOn(BatchingProducer.prototype, 'send').mockResolvedValue(undefined)
  const deliveries = [0, 259_200_000].map((acceptedAt) => ({ ...page.deliveries[0]!, acceptedAt }))
  const bodies = new Map(deliveries.map(({ eventId, acceptedAt }) => [`${eventId}/${acceptedAt}`, '{}']))
  const store = { bodies: async () => bodies } as unknown as ReplayStore
  const connection = { link: () => ({}) } as unknown as KafkaConnection
  const sender = new ReplaySender(connection, topics, store, new Registry(), { debug() {} } as never)

  const { last } = await sender.send(replay, { ...page, deliveries }, 1, new TokenBucket(400, 400, Date.now()))

  expect(last).toEqual(deliveries[1])
})
