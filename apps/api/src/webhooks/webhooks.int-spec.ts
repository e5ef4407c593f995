import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { MAX_WEBHOOKS_PER_ACCOUNT } from '#domain'
import { openSecret, parseKeyRing } from '#signing'
import { TopicMap, decodeWebhookChange } from '#topics'
import { type Answer, TestApi } from '../http/test-api.testing.js'

let api: TestApi

beforeAll(async () => {
  api = await TestApi.start({ kafkaBrokers: inject('kafkaBrokers'), databaseUrl: inject('databaseUrl') })
})

afterAll(() => api?.stop())

const WEBHOOK = {
  name: 'My Webhook',
  url: 'https://example.com/webhook',
  events: ['context.created', 'context.updated'],
}

async function create(overrides: object = {}): Promise<Record<string, unknown>> {
  const answer = await api.ask('POST', '/v1/webhooks', { body: { ...WEBHOOK, ...overrides } })
  expect(answer.status).toBe(201)
  return answer.body
}

describe('creating a webhook', () => {
  it('answers the guide’s curl with the guide’s fields, in its order', async () => {
    const answer = await api.ask('POST', '/v1/webhooks', { body: WEBHOOK })
    expect(answer.status).toBe(201)
    expect(Object.keys(answer.body)).toEqual(['id', 'name', 'url', 'events', 'secret', 'is_active', 'created_at'])
    expect(answer.body).toEqual({
      ...WEBHOOK,
      id: expect.stringMatching(/^whk_[0-9a-f]{32}$/),
      secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/),
      is_active: true,
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    })
  })

  it('has told the workers when it is answered, with the secret sealed', async () => {
    const created = await create()
    const topic = new TopicMap(api.config.topics).webhookChanges
    const changes = (await api.recordsOf(topic, 1)).map(decodeWebhookChange)
    const change = changes.find((each) => each.kind === 'changed' && each.webhook.id === created.id)
    if (change?.kind !== 'changed') throw new Error('the creation is not in webhook-changes')
    expect(change.webhook).toMatchObject({ url: WEBHOOK.url, events: WEBHOOK.events, isActive: true, version: 1 })
    const [secret] = change.webhook.secrets
    expect(JSON.stringify(change)).not.toContain(String(created.secret).slice('whsec_'.length))
    expect(openSecret(parseKeyRing(api.config.secretsKey), secret!.sealed, change.webhook.id)).toBe(created.secret)
  })

  it('refuses the hundred and first of an account with 409', async () => {
    const key = api.keys.otherAccount
    const full = MAX_WEBHOOKS_PER_ACCOUNT
    for (let created = 0; created < full; created += 20) {
      const batch = Array.from({ length: 20 }, () => api.ask('POST', '/v1/webhooks', { body: WEBHOOK, key }))
      expect((await Promise.all(batch)).map(({ status }) => status)).toEqual(Array.from({ length: 20 }, () => 201))
    }
    expect(await api.ask('POST', '/v1/webhooks', { body: WEBHOOK, key })).toMatchObject({
      status: 409,
      body: { title: 'Too many webhooks' },
    })
  })

  it.each([
    ['an empty name', { name: '' }, '/name', 'must not be empty'],
    ['a name of 101 characters', { name: 'x'.repeat(101) }, '/name', 'must have at most 100 characters'],
    ['no name', { name: undefined }, '/name', 'is required'],
    ['a name that is a number', { name: 7 }, '/name', 'must be string'],
    ['http:', { url: 'http://example.com/' }, '/url', 'https'],
    ['credentials in the URL', { url: 'https://user:secret-word@example.com/' }, '/url', 'user name or password'],
    ['a fragment', { url: 'https://example.com/#x' }, '/url', 'fragment'],
    ['a relative URL', { url: '/webhook' }, '/url', 'absolute'],
    ['a URL of 2,049 characters', { url: `https://example.com/${'x'.repeat(2_029)}` }, '/url', '2048'],
    ['a private address', { url: 'https://10.0.0.1/' }, '/url', 'not public'],
    ['loopback written as one number', { url: 'https://2130706433/' }, '/url', 'not public'],
    ['a metadata address in IPv6', { url: 'https://[::ffff:169.254.169.254]/' }, '/url', 'not public'],
    ['localhost', { url: 'https://localhost:8443/' }, '/url', 'not public (loopback)'],
    ['a name of one label', { url: 'https://intranet/' }, '/url', 'only private networks use'],
    ["a cluster's own name", { url: 'https://api.default.svc.cluster.local/' }, '/url', 'only private networks use'],
    ['a port for mail', { url: 'https://example.com:25/' }, '/url', 'port 25'],
    ['no events', { events: [] }, '/events', 'at least one'],
    ['an unknown event type', { events: ['context.created', 'context.moved'] }, '/events/1', 'must be one of'],
    ['an event type twice', { events: ['context.created', 'context.created'] }, '/events/1', 'repeats'],
    ['events as text', { events: 'context.created' }, '/events', 'must be array'],
    ['an unknown field', { secret: 'whsec_mine' }, '/secret', 'is not a known field'],
    ['a NUL in the name', { name: 'a\u0000b' }, '/name', 'NUL'],
    ['half a surrogate pair in the name', { name: 'a\ud800' }, '/name', 'surrogate'],
  ])('refuses %s with 422 and names the field', async (_, overrides, pointer, detail) => {
    const answer = await api.ask('POST', '/v1/webhooks', { body: { ...WEBHOOK, ...overrides } })
    expect(answer).toMatchObject({ status: 422, body: { instance: '/v1/webhooks' } })
    expect(answer.body.errors).toEqual([{ pointer, detail: expect.stringContaining(detail) }])
    expect(answer.text).not.toContain('secret-word')
  })
})

describe('a request with several mistakes', () => {
  const wrong = { name: '', url: 'https://10.0.0.1/' }
  const pointers = ({ body }: Answer) => body.errors.map(({ pointer }) => pointer).toSorted()

  it('is told all of them at once, also where only the egress policy minds the URL', async () => {
    const created = await api.ask('POST', '/v1/webhooks', { body: { ...WEBHOOK, ...wrong, extra: 1 } })
    expect(created.status).toBe(422)
    expect(pointers(created)).toEqual(['/extra', '/name', '/url'])

    const { id } = await create()
    const changed = await api.ask('PATCH', `/v1/webhooks/${id}`, { body: { ...wrong, events: [] } })
    expect(changed.status).toBe(422)
    expect(pointers(changed)).toEqual(['/events', '/name', '/url'])
  })

  it('is told once of a URL that is wrong in two ways', async () => {
    const url = `http://example.com/${'x'.repeat(2_048)}`
    const answer = await api.ask('POST', '/v1/webhooks', { body: { ...WEBHOOK, url } })
    expect(pointers(answer)).toEqual(['/url'])
  })

  it('is a 422 whatever stands in the place of the object', async () => {
    for (const body of [null, [], 'text', 7]) {
      expect(await api.ask('POST', '/v1/webhooks', { body })).toMatchObject({ status: 422 })
    }
  })
})

describe('reading webhooks', () => {
  it('shows one without its secret', async () => {
    const { secret, ...created } = await create()
    const answer = await api.ask('GET', `/v1/webhooks/${created.id}`)
    expect(answer).toMatchObject({
      status: 200,
      body: { ...created, state: 'active', disabled_reason: null, failing_since: null, updated_at: created.created_at },
    })
    expect(answer.text).not.toContain(secret)
  })

  it('lists all of the account, newest first, page by page', async () => {
    const made: unknown[] = []
    for (const name of ['a', 'b', 'c', 'd', 'e']) made.unshift((await create({ name })).id)
    const seen: unknown[] = []
    let cursor = ''
    do {
      const answer = await api.ask('GET', `/v1/webhooks?limit=2${cursor}`)
      expect(answer.status).toBe(200)
      expect(answer.body.data.length).toBeLessThanOrEqual(2)
      expect(answer.body.has_more).toBe(answer.body.next_cursor !== null)
      seen.push(...answer.body.data.map((each) => each.id))
      cursor = answer.body.has_more ? `&cursor=${answer.body.next_cursor}` : ''
    } while (cursor)
    expect(seen.slice(0, 5)).toEqual(made)
    expect(new Set(seen).size).toBe(seen.length)
  })

  it.each([
    ['limit=0', 422, '/limit'],
    ['limit=101', 422, '/limit'],
    ['limit=many', 422, '/limit'],
    ['limit=', 422, '/limit'],
    ['limit=2&limit=3', 422, '/limit'],
    ['offset=3', 422, '/offset'],
    ['cursor=tampered', 400, '/cursor'],
    ['cursor=', 400, '/cursor'],
  ])('refuses ?%s with %i', async (query, status, pointer) => {
    expect(await api.ask('GET', `/v1/webhooks?${query}`)).toMatchObject({ status, body: { errors: [{ pointer }] } })
  })
})

describe('changing a webhook', () => {
  it('changes what is named and nothing else', async () => {
    const { secret: _, ...created } = await create()
    const answer = await api.ask('PATCH', `/v1/webhooks/${created.id}`, { body: { url: 'https://example.org/new' } })
    expect(answer).toMatchObject({ status: 200, body: { ...created, url: 'https://example.org/new' } })
    expect(answer.body.updated_at >= answer.body.created_at).toBe(true)
  })

  it('disables for its owner and brings back', async () => {
    const { id } = await create()
    const path = `/v1/webhooks/${id}`
    expect((await api.ask('PATCH', path, { body: { is_active: false } })).body).toMatchObject({
      is_active: false,
      state: 'disabled',
      disabled_reason: 'owner',
    })
    expect((await api.ask('PATCH', path, { body: { is_active: true } })).body).toMatchObject({
      is_active: true,
      state: 'active',
      disabled_reason: null,
    })
  })

  it('takes an empty change', async () => {
    const { id } = await create()
    expect((await api.ask('PATCH', `/v1/webhooks/${id}`, { body: {} })).status).toBe(200)
  })

  it.each([
    [{ is_active: 'yes' }, '/is_active'],
    [{ id: 'whk_other' }, '/id'],
    [{ url: 'https://127.0.0.1/' }, '/url'],
    [{ events: [] }, '/events'],
    [{ name: null }, '/name'],
  ])('refuses %j with 422 and names the field', async (body, pointer) => {
    const { id } = await create()
    expect(await api.ask('PATCH', `/v1/webhooks/${id}`, { body })).toMatchObject({
      status: 422,
      body: { errors: [{ pointer }] },
    })
  })
})

describe('deleting a webhook', () => {
  it('answers 204, leaves a tombstone for the workers, and 404 afterwards', async () => {
    const { id } = await create()
    // As Zapier unsubscribes: a content type and no body.
    const headers = { 'content-type': 'application/json' }
    expect((await api.ask('DELETE', `/v1/webhooks/${id}`, { headers })).status).toBe(204)
    expect((await api.ask('GET', `/v1/webhooks/${id}`)).status).toBe(404)
    expect((await api.ask('DELETE', `/v1/webhooks/${id}`)).status).toBe(404)
    const topic = new TopicMap(api.config.topics).webhookChanges
    const changes = (await api.recordsOf(topic, 2)).map(decodeWebhookChange)
    expect(changes).toContainEqual({ kind: 'deleted', webhookId: id, version: 2 })
  })
})

describe('another account’s webhook', () => {
  it.each(['GET', 'PATCH', 'DELETE'])('is not found by %s, in the same words as one that never was', async (method) => {
    const { id } = await create()
    const body = method === 'PATCH' ? { name: 'mine now' } : undefined
    const key = api.keys.otherAccount
    const theirs = await api.ask(method, `/v1/webhooks/${id}`, { key, body })
    const none = await api.ask(method, `/v1/webhooks/whk_${'0'.repeat(32)}`, { key, body })
    expect(theirs.status).toBe(404)
    const { instance: _, trace_id: __, ...words } = theirs.body
    expect(none.body).toMatchObject(words)
    expect((await api.ask('GET', `/v1/webhooks/${id}`)).body.name).toBe(WEBHOOK.name)
  })

  it.each(['%00', 'whk_%00', 'x'.repeat(90), "'", '..%2f', '%F0%9F%98%80'])('nor is %s', async (id) => {
    expect((await api.ask('GET', `/v1/webhooks/${id}`)).status).toBe(404)
  })
})
