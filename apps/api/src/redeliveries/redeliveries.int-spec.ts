import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { type Trigger, deliveryIdFor, newId } from '#domain'
import { type DeliveryState, PartitionStore, ReadModelWriter, RedeliveryStore } from '#postgres'
import { TopicMap, decodeDelivery, decodeFact } from '#topics'
import { TestApi } from '../http/test-api.testing.js'
import { redeliveryContent } from './requested-redelivery.js'

let api: TestApi
let topics: TopicMap
let writer: ReadModelWriter
const DAY_MS = 86_400_000

beforeAll(async () => {
  api = await TestApi.start(
    { kafkaBrokers: inject('kafkaBrokers'), databaseUrl: inject('databaseUrl') },
    { EVENT_RETENTION: '5d', DELIVERY_RETENTION: '30d' },
  )
  topics = new TopicMap(api.config.topics)
  const retention = { eventsMs: 30 * DAY_MS, deliveriesMs: 30 * DAY_MS }
  writer = new ReadModelWriter(api.database, new PartitionStore(api.database, retention))
})
afterAll(() => api?.stop())

const BODY = '{"id":"evt_1","big":12345678901234567890,"text":"\\ud83d\\ude00 ü"}'

/** A delivery as the read models know it, exhausted after its first chain, with its event. */
async function aDelivery(change: { acceptedAt?: number; trigger?: Trigger; withEvent?: boolean; end?: null } = {}) {
  const { acceptedAt = Date.now() - 3_600_000, trigger = 'automatic', withEvent = true } = change
  const created = await api.ask('POST', '/v1/webhooks', {
    body: { name: 'n', url: 'https://example.com/webhook', events: ['context.updated'] },
  })
  const { accountId } = api.keys
  const [eventId, webhookId] = [newId('evt'), created.body.id]
  const delivery: DeliveryState = {
    id: deliveryIdFor(eventId, webhookId),
    eventId,
    eventType: 'context.updated',
    accountId,
    webhookId,
    acceptedAt,
    chain: 0,
    trigger,
    end: change.end === null ? null : { kind: 'exhausted', at: acceptedAt + 1_000 },
    next: { attempt: 6, notBefore: acceptedAt },
    attemptsMade: 6,
  }
  const event = { accountId, id: eventId, type: 'context.updated', acceptedAt, body: BODY } as const
  await writer.write({ events: withEvent ? [event] : [], fanOuts: [], deliveries: [delivery], attempts: [] })
  return delivery
}

const redeliver = (id: string, key?: string) =>
  api.ask('POST', `/v1/deliveries/${id}/redeliver`, key === undefined ? {} : { key })

async function recordsFor(id: string) {
  const records = (await api.recordsOf(topics.deliveries, 1)).map(decodeDelivery)
  return records.filter((record) => record.id === id)
}

async function requestsFor(id: string) {
  const facts = (await api.recordsOf(topics.deliveryLog, 1)).map(decodeFact)
  return facts.filter((fact) => fact.kind === 'redelivery_requested' && fact.delivery.deliveryId === id)
}

describe('a redelivery', () => {
  it('is the first attempt of the next chain, with the very bytes of the event, and a fact before it', async () => {
    const delivery = await aDelivery()
    const answer = await redeliver(delivery.id)
    expect(answer).toMatchObject({
      status: 202,
      body: {
        id: delivery.id,
        event_id: delivery.eventId,
        webhook_id: delivery.webhookId,
        chain: 1,
        status: 'waiting',
      },
    })
    const [record, ...others] = await recordsFor(delivery.id)
    expect(others).toEqual([])
    expect(record).toMatchObject({
      chain: 1,
      attempt: 1,
      trigger: 'redelivery',
      webhookId: delivery.webhookId,
      webhookVersion: 1,
      acceptedAt: delivery.acceptedAt,
      notBefore: null,
      isDeferred: false,
    })
    expect(record!.body.toString()).toBe(BODY)
    expect(await requestsFor(delivery.id)).toMatchObject([
      { delivery: { chain: 1, trigger: 'redelivery', acceptedAt: delivery.acceptedAt } },
    ])
  })

  it('has the bytes of its own event, where another one was accepted under the same id days before', async () => {
    const delivery = await aDelivery()
    const { accountId, eventId, eventType } = delivery
    const acceptedAt = delivery.acceptedAt - 3 * DAY_MS
    const event = { accountId, id: eventId, type: eventType, acceptedAt, body: '{"id":"evt_before"}' }
    await writer.write({ events: [event], fanOuts: [], deliveries: [], attempts: [] })
    await redeliver(delivery.id)
    expect((await recordsFor(delivery.id)).map(({ body }) => body.toString())).toEqual([BODY])
  })

  it('goes to the webhook as it is now', async () => {
    const delivery = await aDelivery()
    await api.ask('PATCH', `/v1/webhooks/${delivery.webhookId}`, { body: { url: 'https://example.org/new' } })
    await redeliver(delivery.id)
    expect(await recordsFor(delivery.id)).toMatchObject([{ webhookVersion: 2 }])
  })

  it('again is the chain after it, however soon', async () => {
    const delivery = await aDelivery()
    const chains = []
    for (let i = 0; i < 3; i++) chains.push((await redeliver(delivery.id)).body.chain)
    expect(chains).toEqual([1, 2, 3])
  })

  it('asked for ten times at once gets as many numbers as it gets yeses', async () => {
    const delivery = await aDelivery()
    const answers = await Promise.all(Array.from({ length: 10 }, () => redeliver(delivery.id)))
    const accepted = answers.filter(({ status }) => status === 202).map(({ body }) => body.chain)
    expect(accepted.length).toBeGreaterThan(0)
    expect(new Set(accepted).size).toBe(accepted.length)
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(10 - accepted.length)
    const chains = (await recordsFor(delivery.id)).map(({ chain }) => chain)
    expect(chains.toSorted()).toEqual(accepted.toSorted())
  })

  it('that a process took and did not live to send is sent by another', async () => {
    const delivery = await aDelivery()
    const store = new RedeliveryStore(api.database)
    const content = redeliveryContent(delivery, { version: 1 }, BODY, undefined, Date.now())
    await store.request(delivery.id, 0, content, delivery.acceptedAt)
    expect(await redeliver(delivery.id)).toMatchObject({ status: 409, body: { title: 'Redelivery under way' } })
    await api.database.query("update redeliveries set requested_at = now() - interval '1 minute'")
    await expect.poll(() => recordsFor(delivery.id), { timeout: 20_000 }).toMatchObject([{ chain: 1 }])
    await expect.poll(() => redeliver(delivery.id)).toMatchObject({ status: 202, body: { chain: 2 } })
  })
})

describe('a redelivery is refused', () => {
  it('for another account’s delivery as for one that never was', async () => {
    const { id } = await aDelivery()
    const theirs = await redeliver(id, api.keys.otherAccount)
    const none = await redeliver(`dlv_${'0'.repeat(32)}`)
    expect(theirs.status).toBe(404)
    const { instance: _, trace_id: __, ...words } = theirs.body
    expect(none.body).toMatchObject(words)
    expect((await redeliver('dlv_%00')).status).toBe(404)
  })

  it('for a deleted webhook', async () => {
    const { id, webhookId } = await aDelivery()
    await api.ask('DELETE', `/v1/webhooks/${webhookId}`)
    expect(await redeliver(id)).toMatchObject({ status: 409, body: { title: 'Webhook deleted' } })
  })

  it('for a disabled webhook, with the way to enable it', async () => {
    const { id, webhookId } = await aDelivery()
    await api.ask('PATCH', `/v1/webhooks/${webhookId}`, { body: { is_active: false } })
    const answer = await redeliver(id)
    expect(answer).toMatchObject({ status: 409, body: { title: 'Webhook disabled' } })
    expect(answer.body.detail).toContain(`PATCH /v1/webhooks/${webhookId} {"is_active": true}`)
    expect(await requestsFor(id)).toEqual([])
  })

  it('for an event that is no longer kept', async () => {
    const { id } = await aDelivery({ withEvent: false, acceptedAt: Date.now() - 6 * DAY_MS })
    expect(await redeliver(id)).toMatchObject({ status: 409, body: { title: 'Event no longer kept' } })
  })

  it('for an event whose time is up while its row is still there', async () => {
    const { id } = await aDelivery({ acceptedAt: Date.now() - 6 * DAY_MS })
    expect(await redeliver(id)).toMatchObject({ status: 409, body: { title: 'Event no longer kept' } })
    expect(await requestsFor(id)).toEqual([])
  })

  it('for the moment, for an event that is not recorded yet', async () => {
    const { id } = await aDelivery({ withEvent: false })
    const answer = await redeliver(id)
    expect(answer.status).toBe(503)
    expect(answer.headers.get('retry-after')).toBe('1')
  })

  it('for a test send, with the way to make another', async () => {
    const { id } = await aDelivery({ trigger: 'test', withEvent: false })
    expect(await redeliver(id)).toMatchObject({ status: 409, body: { title: 'A test send' } })
  })
})
