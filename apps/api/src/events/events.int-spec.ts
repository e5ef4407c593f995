import { Agent, request as httpRequest } from 'node:http'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { eventIdForIdempotencyKey } from '#domain'
import { TopicMap, decodeContextEvent } from '#topics'
import { type Ask, TestApi } from '../http/test-api.testing.js'

let api: TestApi

beforeAll(async () => {
  api = await TestApi.start({ kafkaBrokers: inject('kafkaBrokers'), databaseUrl: inject('databaseUrl') })
})

afterAll(() => api?.stop())

const CONTEXT = {
  id: '550e8400-e29b-41d4-a716-446655440000',
  name: 'My AI Assistant',
  slug: 'my-ai-assistant',
  updated_at: '2024-01-15T14:45:00Z',
}

const anEvent = (overrides: object = {}) => ({
  account_id: api.keys.accountId,
  type: 'context.updated',
  context: CONTEXT,
  ...overrides,
})

const post = (ask: Ask) => api.ask('POST', '/v1/events', { key: api.keys.producer, ...ask })
const postBatch = (ask: Ask) => api.ask('POST', '/v1/events/batch', { key: api.keys.producer, ...ask })

async function stored(id: string) {
  const records = await api.recordsOf(new TopicMap(api.config.topics).contextEvents, 1)
  return records.map(decodeContextEvent).filter((event) => event.id === id)
}

describe('POST /v1/events', () => {
  it('has stored the very bytes that will be delivered when it answers 202', async () => {
    const answer = await post({
      body: anEvent({ id: 'evt_abc123def456', created_at: '2024-01-15T14:45:00Z' }),
      headers: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
    })
    expect(answer).toMatchObject({
      status: 202,
      body: { id: 'evt_abc123def456', type: 'context.updated', created_at: '2024-01-15T14:45:00Z' },
    })
    const [event] = await stored('evt_abc123def456')
    expect(event).toMatchObject({
      accountId: api.keys.accountId,
      type: 'context.updated',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    })
    expect(event!.body.toString()).toBe(
      '{"id":"evt_abc123def456","type":"context.updated","created_at":"2024-01-15T14:45:00Z","data":{"context":' +
        '{"id":"550e8400-e29b-41d4-a716-446655440000","name":"My AI Assistant","slug":"my-ai-assistant",' +
        '"updated_at":"2024-01-15T14:45:00Z"}}}',
    )
  })

  it('gives id and time where the producer gives none', async () => {
    const { status, body } = await post({ body: anEvent() })
    expect(status).toBe(202)
    expect(body.id).toMatch(/^evt_[0-9a-f]{32}$/)
    expect(body.created_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  })

  it('answers the same Idempotency-Key with the same id', async () => {
    const headers = { 'idempotency-key': 'order-7' }
    const [first, second] = [await post({ body: anEvent(), headers }), await post({ body: anEvent(), headers })]
    expect(first.body.id).toBe(eventIdForIdempotencyKey(api.keys.accountId, 'order-7'))
    expect(second.body.id).toBe(first.body.id)
  })

  it('refuses an id and an Idempotency-Key that differ', async () => {
    const headers = { 'idempotency-key': 'order-8' }
    expect(await post({ body: anEvent({ id: 'evt_producers-own' }), headers })).toMatchObject({
      status: 422,
      body: { errors: [{ pointer: '/id' }] },
    })
  })

  it('needs a producer’s key', async () => {
    expect((await post({ body: anEvent(), key: null })).status).toBe(401)
    expect((await post({ body: anEvent(), key: 'cfk_wrong' })).status).toBe(401)
    expect((await post({ body: anEvent(), key: api.keys.account })).status).toBe(403)
  })

  it.each([
    ['an unknown field', { extra: 1 }, '/extra'],
    ['an unknown field in the context', { context: { ...CONTEXT, content: 'x' } }, '/context/content'],
    ['a context id that is no UUID', { context: { ...CONTEXT, id: '7' } }, '/context/id'],
    ['a context without a name', { context: { ...CONTEXT, name: undefined } }, '/context/name'],
    ['a slug that is a number', { context: { ...CONTEXT, slug: 7 } }, '/context/slug'],
    ['a name of 4,097 characters', { context: { ...CONTEXT, name: 'x'.repeat(4_097) } }, '/context/name'],
    ['a slug of 513 characters', { context: { ...CONTEXT, slug: 'x'.repeat(513) } }, '/context/slug'],
    ['a context time that is none', { context: { ...CONTEXT, updated_at: 'now' } }, '/context/updated_at'],
    ['a context time that is a number', { context: { ...CONTEXT, updated_at: 1 } }, '/context/updated_at'],
    ['a context that is a list', { context: [] }, '/context'],
    ['no context', { context: null }, '/context'],
    ['an unknown type', { type: 'context.moved' }, '/type'],
    ['a type that only we may send', { type: 'webhook.disabled' }, '/type'],
    ['an account id of another form', { account_id: '42' }, '/account_id'],
    ['no account id', { account_id: undefined }, '/account_id'],
    ['an event id of another form', { id: 'abc' }, '/id'],
    ['an event id that is too long', { id: `evt_${'x'.repeat(65)}` }, '/id'],
    ['a day that is none', { created_at: '2023-02-29T00:00:00Z' }, '/created_at'],
    ['a NUL', { context: { ...CONTEXT, name: 'a\u0000' } }, '/context/name'],
    ['half a surrogate pair', { context: { ...CONTEXT, slug: '\ud800' } }, '/context/slug'],
  ])('refuses %s with 422 and names the field', async (_, overrides, pointer) => {
    const answer = await post({ body: anEvent(overrides) })
    expect(answer).toMatchObject({ status: 422, body: { errors: [{ pointer }] } })
    expect(answer.body.errors).toHaveLength(1)
  })

  it('refuses __proto__ like any other unknown field', async () => {
    const raw = JSON.stringify(anEvent()).replace('{', '{"__proto__":{"type":"x"},')
    expect(await post({ raw })).toMatchObject({ status: 422, body: { errors: [{ pointer: '/__proto__' }] } })
  })

  it.each([
    ['an empty body', ''],
    ['text', 'hello'],
    ['half a JSON object', '{"account_id":'],
    ['invalid UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['deep nesting', `{"context":${'['.repeat(50_000)}${']'.repeat(50_000)}}`],
  ])('refuses %s with 400', async (_, raw) => {
    expect(await post({ raw })).toMatchObject({ status: 400, body: { title: 'Unreadable body' } })
  })

  it('refuses no body at all with 400', async () => {
    expect((await post({})).status).toBe(400)
  })

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'application/xml', 'nonsense'])(
    'refuses %s with 415',
    async (type) => {
      expect((await post({ body: anEvent(), headers: { 'content-type': type } })).status).toBe(415)
    },
  )

  it('refuses more than 256 KiB with 413', async () => {
    const raw = JSON.stringify(anEvent({ extra: 'x'.repeat(257 * 1024) }))
    expect((await post({ raw })).status).toBe(413)
    const fits = JSON.stringify(anEvent({ extra: 'x'.repeat(255 * 1024) }))
    expect((await post({ raw: fits })).status).toBe(422)
  })

  it('answers 413 also to a body of unknown length, and the caller may go on using its connection', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const options = {
      agent,
      method: 'POST',
      headers: { authorization: `Bearer ${api.keys.producer}`, 'content-type': 'application/json' },
    }
    const send = (body: string) =>
      new Promise<{ status: number | undefined; port: number | undefined }>((resolve, reject) => {
        const request = httpRequest(`${api.running.url}/v1/events`, options, (response) => {
          const port = request.socket?.localPort
          response.resume().on('end', () => resolve({ status: response.statusCode, port }))
        }).on('error', reject)
        // Two writes, so that Node cannot know the length and sends chunks.
        request.write(body.slice(0, 10))
        request.end(body.slice(10))
      })
    const refused = await send(JSON.stringify(anEvent({ extra: 'x'.repeat(2 * 1024 * 1024) })))
    const taken = await send(JSON.stringify(anEvent()))
    agent.destroy()
    expect([refused.status, taken.status]).toEqual([413, 202])
    expect(taken.port).toBe(refused.port)
  })

  it('counts what was taken and what was refused, and why', async () => {
    await post({ body: anEvent() })
    await post({ body: anEvent({ type: 'x' }) })
    const text = await (await fetch(`http://127.0.0.1:${api.config.managementPort}/metrics`)).text()
    expect(text).toMatch(/^webhooks_events_accepted_total\{.*type="context\.updated".*\} [1-9]/m)
    expect(text).toMatch(/^webhooks_events_rejected_total\{.*reason="invalid".*\} [1-9]/m)
  })
})

describe('POST /v1/events/batch', () => {
  it('answers in the order of the request', async () => {
    const ids = Array.from({ length: 1_000 }, (_, index) => `evt_batch-${String(index).padStart(4, '0')}`)
    const answer = await postBatch({ body: { events: ids.map((id) => anEvent({ id })) } })
    expect(answer.status).toBe(202)
    expect(answer.body).toEqual({ data: ids.map((id) => ({ id })) })
    expect(await stored('evt_batch-0999')).toHaveLength(1)
  })

  it('takes none when one is wrong, and names all that are', async () => {
    const events = Array.from({ length: 20 }, (_, index) => anEvent({ id: `evt_refused-${index + 10}` }) as object)
    events[3] = anEvent({ context: { ...CONTEXT, id: 'x' } })
    events[17] = anEvent({ type: 'x' })
    events[18] = 7 as never
    expect(await postBatch({ body: { events } })).toMatchObject({
      status: 422,
      body: {
        errors: [{ pointer: '/events/3/context/id' }, { pointer: '/events/17/type' }, { pointer: '/events/18' }],
      },
    })
    // A later one as the marker: what was refused would be before it.
    await postBatch({ body: { events: [anEvent({ id: 'evt_marker-1' })] } })
    expect(await stored('evt_marker-1')).toHaveLength(1)
    expect(await stored('evt_refused-10')).toHaveLength(0)
  })

  it.each([
    ['no events', { events: [] }, '/events'],
    ['1,001 events', { events: Array.from({ length: 1_001 }, () => 0) }, '/events'],
    ['events that are no list', { events: {} }, '/events'],
    ['no object', [], ''],
    ['an unknown field', { events: [0], more: 1 }, '/more'],
  ])('refuses %s with 422', async (_, body, pointer) => {
    expect(await postBatch({ body })).toMatchObject({ status: 422, body: { errors: [{ pointer }] } })
  })

  it('refuses millions of events as quickly as a thousand and one', async () => {
    const raw = `{"events":[${'0,'.repeat(4_000_000)}0]}`
    expect(await postBatch({ raw })).toMatchObject({ status: 422, body: { errors: [{ pointer: '/events' }] } })
  })

  it('refuses an Idempotency-Key, which could only stand for one event', async () => {
    const headers = { 'idempotency-key': 'order-7' }
    expect((await postBatch({ body: { events: [anEvent()] }, headers })).status).toBe(422)
  })

  it('takes up to 8 MiB and refuses more with 413', async () => {
    const events = (bytes: number) => ({ events: [anEvent({ extra: 'x'.repeat(bytes) })] })
    expect((await postBatch({ body: events(7 * 1024 * 1024) })).status).toBe(422)
    expect((await postBatch({ body: events(8 * 1024 * 1024) })).status).toBe(413)
  })
})

describe('GET /v1/event-types', () => {
  it('shows the five types with a sample each, to any key', async () => {
    for (const key of [api.keys.account, api.keys.producer]) {
      const { status, body } = await api.ask('GET', '/v1/event-types', { key })
      expect(status).toBe(200)
      expect(body.data.map((each) => each.type)).toEqual([
        'context.created',
        'context.updated',
        'context.deleted',
        'context.published',
        'context.unpublished',
      ])
      for (const { type, sample } of body.data) expect(sample.type).toBe(type)
    }
  })
})

describe('GET /v1/me', () => {
  it('says whose key it is', async () => {
    expect((await api.ask('GET', '/v1/me')).body).toMatchObject({
      account_id: api.keys.accountId,
      scopes: ['webhooks:read', 'webhooks:write', 'deliveries:read', 'deliveries:write'],
    })
    expect((await api.ask('GET', '/v1/me', { key: api.keys.producer })).body).toMatchObject({
      account_id: null,
      scopes: ['events:write'],
    })
  })
})
