import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { deliveryIdFor } from '#domain'
import { waitUntil } from '#local'
import { TopicMap, decodeDelivery, decodeFact } from '#topics'
import { createKey, hashOfKey } from '../accounts/key-format.js'
import { TestApi } from '../http/test-api.testing.js'
import { ApiKeyStore } from '#postgres'

let api: TestApi
let topics: TopicMap
/** May read deliveries and nothing else. */
let readOnly: string

beforeAll(async () => {
  api = await TestApi.start(
    { kafkaBrokers: inject('kafkaBrokers'), databaseUrl: inject('databaseUrl') },
    { RATE_LIMIT_PER_KEY: '1000/s' },
  )
  topics = new TopicMap(api.config.topics)
  readOnly = createKey()
  await new ApiKeyStore(api.database).create({
    id: 'key_reader',
    accountId: api.keys.accountId,
    name: 'reader',
    scopes: ['deliveries:read'],
    hash: hashOfKey(readOnly),
  })
})
afterAll(() => api?.stop())

const since = new Date(Date.now() - 60_000).toISOString()

async function aWebhook(): Promise<string> {
  const body = { name: 'W', url: 'https://example.com/hook', events: ['context.updated'] }
  return (await api.ask('POST', '/v1/webhooks', { body })).body.id
}

async function publish(count: number): Promise<string[]> {
  const context = { id: '550e8400-e29b-41d4-a716-446655440000', name: 'C', slug: 'c', updated_at: since }
  const event = { account_id: api.keys.accountId, type: 'context.updated', context }
  const body = { events: Array.from({ length: count }, () => event) }
  const answer = await api.ask('POST', '/v1/events/batch', { body, key: api.keys.producer })
  expect(answer.status).toBe(202)
  return answer.body.data.map(({ id }) => id)
}

const replay = (webhookId: string, body: object, key?: string) =>
  api.ask('POST', `/v1/webhooks/${webhookId}/replays`, { body: { since, ...body }, ...(key && { key }) })

const untilState = async (id: string, state: string) => {
  await waitUntil(
    `the replay is ${state}`,
    async () => (await api.ask('GET', `/v1/replays/${id}`)).body.state === state,
    { timeoutMs: 30_000 },
  )
  return (await api.ask('GET', `/v1/replays/${id}`)).body
}

describe('replays over HTTP', () => {
  it('are what the OpenAPI document says, from the count to the end', async () => {
    const webhookId = await aWebhook()
    const ids = await publish(1)
    await waitUntil(
      'the projector is at work',
      async () => (await replay(webhookId, { only: 'missed', dry_run: true })).body.matched === 1,
      { timeoutMs: 15_000 },
    )
    ids.push(...(await publish(4)))
    // Asked only once, at once: what was accepted before it is counted, recorded or not.
    expect(await replay(webhookId, { only: 'missed', dry_run: true })).toMatchObject({
      status: 200,
      body: { matched: 5 },
    })
    expect((await replay(webhookId, { only: 'failed', dry_run: true })).body.detail).toContain('Nothing matches')

    const created = await replay(webhookId, { only: 'missed' })

    expect(created).toMatchObject({ status: 202, body: { matched: 5 } })
    expect(await untilState(created.body.id, 'done')).toMatchObject({ webhook_id: webhookId, sent: 5, only: 'missed' })
    const deliveries = (await api.recordsOf(topics.replay, 5)).map(decodeDelivery)
    expect(deliveries.map(({ eventId }) => eventId).sort()).toEqual([...ids].sort())
    for (const { id, eventId, chain, trigger } of deliveries) {
      expect({ id, chain, trigger }).toEqual({ id: deliveryIdFor(eventId, webhookId), chain: 0, trigger: 'replay' })
    }
    // There is no fan-out here: all that the log tells is what the replay told it.
    const facts = (await api.recordsOf(topics.deliveryLog, 5)).map(decodeFact)
    expect(facts.map(({ kind }) => kind)).toEqual(Array.from({ length: 5 }, () => 'redelivery_requested'))
  })

  it('are commanded in the states in which that means something, else 409 says why not', async () => {
    await publish(60)
    const webhookId = await aWebhook()
    const { id } = (await replay(webhookId, { only: 'missed', rate_per_second: 1 })).body
    const command = (name: string, key?: string) => api.ask('POST', `/v1/replays/${id}/${name}`, key ? { key } : {})

    expect(await command('pause', api.keys.otherAccount)).toMatchObject({ status: 404 })
    expect(await command('pause', readOnly)).toMatchObject({ status: 403 })
    expect(await command('resume')).toMatchObject({ status: 409 })
    expect(await command('pause')).toMatchObject({ status: 200, body: { state: 'paused' } })
    expect(await command('pause')).toMatchObject({ status: 409 })
    expect((await command('resume')).body.state).toMatch(/waiting|running/)
    expect(await command('cancel')).toMatchObject({ status: 200, body: { state: 'cancelled' } })
    expect((await command('resume')).body.detail).toContain('was cancelled')
    expect((await api.ask('GET', `/v1/replays/${id}`, { key: readOnly })).body.state).toBe('cancelled')
    expect(await api.ask('GET', `/v1/replays/${id}`, { key: api.keys.otherAccount })).toMatchObject({ status: 404 })
  })

  it('are listed newest first, page by page, by webhook and by state', async () => {
    const [one, other] = [await aWebhook(), await aWebhook()]
    const ids: string[] = []
    for (const webhookId of [one, other, one]) ids.push((await replay(webhookId, { only: 'failed' })).body.id)
    const [first, second, third] = ids
    const list = async (query: string, key?: string) => {
      const { status, body } = await api.ask('GET', `/v1/replays?${query}`, key ? { key } : {})
      expect(status).toBe(200)
      return body
    }
    const idsOf = (page: { data: { id: string }[] }) => page.data.map(({ id }) => id)

    const page = await list('limit=2', readOnly)
    expect([idsOf(page), page.has_more]).toEqual([[third, second], true])
    expect(idsOf(await list(`limit=1&cursor=${page.next_cursor}`))).toEqual([first])
    expect(idsOf(await list(`webhook_id=${one}`))).toEqual([third, first])
    await untilState(second!, 'done')
    expect(idsOf(await list(`webhook_id=${other}&state=done`))).toEqual([second])
    expect(idsOf(await list(`webhook_id=${other}&state=paused`))).toEqual([])
    expect(await list('', api.keys.otherAccount)).toEqual({ data: [], next_cursor: null, has_more: false })
    const answer = await api.ask('GET', `/v1/replays/${third}`)
    expect((await list(`webhook_id=${one}&limit=1`)).data[0]).toMatchObject({ id: third, only: answer.body.only })
    const ofOther = await api.ask('GET', `/v1/replays?cursor=${page.next_cursor}`, { key: api.keys.otherAccount })
    expect(ofOther).toMatchObject({ status: 400, body: { title: 'Invalid cursor' } })
  })

  it('are refused for a disabled webhook, for another account’s and without the scope', async () => {
    const webhookId = await aWebhook()
    expect(await replay(webhookId, { only: 'all' }, api.keys.otherAccount)).toMatchObject({ status: 404 })
    expect(await replay(webhookId, { only: 'all' }, readOnly)).toMatchObject({ status: 403 })
    await api.ask('PATCH', `/v1/webhooks/${webhookId}`, { body: { is_active: false } })
    const refused = await replay(webhookId, { only: 'all' })
    expect(refused.status).toBe(409)
    expect(refused.body.detail).toContain(`PATCH /v1/webhooks/${webhookId}`)
    expect(await replay(webhookId, { only: 'all', dry_run: true })).toMatchObject({ status: 409 })
  })
})
