import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { openSecret, parseKeyRing } from '#signing'
import { TopicMap, decodeDelivery, decodeWebhookChange } from '#topics'
import { TestApi } from '../http/test-api.testing.js'

let api: TestApi

beforeAll(async () => {
  api = await TestApi.start({ kafkaBrokers: inject('kafkaBrokers'), databaseUrl: inject('databaseUrl') })
})
afterAll(() => api?.stop())

const WEBHOOK = { name: 'My Webhook', url: 'https://example.com/webhook', events: ['context.deleted'] }

async function create(): Promise<{ id: string; secret: string }> {
  return (await api.ask('POST', '/v1/webhooks', { body: WEBHOOK })).body
}

/** The secrets that the workers were told of last. */
async function announced(id: string): Promise<string[]> {
  const changes = (await api.recordsOf(new TopicMap(api.config.topics).webhookChanges, 1)).map(decodeWebhookChange)
  const change = changes.findLast((each) => each.kind === 'changed' && each.webhook.id === id)
  if (change?.kind !== 'changed') throw new Error(`${id} is not in webhook-changes`)
  const keyRing = parseKeyRing(api.config.secretsKey)
  return change.webhook.secrets.map(({ sealed }) => openSecret(keyRing, sealed, id))
}

describe('rotating a secret', () => {
  it('answers the new one, and has told the workers of both', async () => {
    const { id, secret } = await create()
    const asked = Date.now()
    const answer = await api.ask('POST', `/v1/webhooks/${id}/rotate-secret`, { body: { overlap_seconds: 60 } })
    expect(answer).toMatchObject({ status: 200, body: { secret: expect.stringMatching(/^whsec_/) } })
    const lasts = Date.parse(String(answer.body.previous_expires_at)) - asked
    expect(lasts).toBeGreaterThanOrEqual(60_000)
    expect(lasts).toBeLessThan(65_000)
    expect(await announced(id)).toEqual([answer.body.secret, secret])
    expect((await api.ask('GET', `/v1/webhooks/${id}`)).text).not.toContain('whsec_')
  })

  it('overlaps for a day where nothing is said, also without any body', async () => {
    for (const body of [undefined, {}]) {
      const { id } = await create()
      const answer = await api.ask('POST', `/v1/webhooks/${id}/rotate-secret`, { body })
      const lasts = Date.parse(String(answer.body.previous_expires_at)) - Date.now()
      expect(Math.abs(lasts - 86_400_000)).toBeLessThan(5_000)
    }
  })

  it.each(['rotate-secret', 'test'])(
    'is described with a body that may be left out, and so is a test: %s',
    (action) => {
      const operation = api.schemas.document.paths[`/v1/webhooks/{id}/${action}`]!.post as { requestBody?: unknown }
      expect(operation.requestBody).toMatchObject({
        required: false,
        content: { 'application/json': { schema: { $ref: expect.stringMatching(/Request$/) } } },
      })
    },
  )

  it('during an overlap answers 409, and with an overlap of 0 leaves the newest alone', async () => {
    const { id, secret } = await create()
    const path = `/v1/webhooks/${id}/rotate-secret`
    const second = await api.ask('POST', path, {})
    const refused = await api.ask('POST', path, { body: { overlap_seconds: 60 } })
    expect(refused).toMatchObject({ status: 409, body: { title: 'Overlap running' } })
    expect(await announced(id)).toEqual([second.body.secret, secret])
    const third = await api.ask('POST', path, { body: { overlap_seconds: 0 } })
    expect(third.status).toBe(200)
    expect(await announced(id)).toEqual([third.body.secret])
  })

  it.each([
    [{ overlap_seconds: -1 }, '/overlap_seconds'],
    [{ overlap_seconds: 604_801 }, '/overlap_seconds'],
    [{ overlap_seconds: 1.5 }, '/overlap_seconds'],
    [{ overlap_seconds: '60' }, '/overlap_seconds'],
    [{ overlap: 60 }, '/overlap'],
  ])('refuses %j with 422 and names the field', async (body, pointer) => {
    const { id } = await create()
    expect(await api.ask('POST', `/v1/webhooks/${id}/rotate-secret`, { body })).toMatchObject({
      status: 422,
      body: { errors: [{ pointer }] },
    })
  })

  it('of another account’s webhook, or of none, answers 404', async () => {
    const { id } = await create()
    const key = api.keys.otherAccount
    expect((await api.ask('POST', `/v1/webhooks/${id}/rotate-secret`, { key })).status).toBe(404)
    expect((await api.ask('POST', '/v1/webhooks/whk_%00/rotate-secret')).status).toBe(404)
  })
})

describe('a test send', () => {
  /** The test's record in `deliveries`. */
  async function sent(deliveryId: unknown) {
    const deliveries = (await api.recordsOf(new TopicMap(api.config.topics).deliveries, 1)).map(decodeDelivery)
    return deliveries.find(({ id }) => id === deliveryId)
  }

  it('is one delivery for one attempt, of the first subscribed type', async () => {
    const { id } = await create()
    const answer = await api.ask('POST', `/v1/webhooks/${id}/test`)
    expect(answer.status).toBe(202)
    const { delivery_id: deliveryId, event_id: eventId } = answer.body
    const delivery = await sent(deliveryId)
    expect(delivery).toMatchObject({
      eventId,
      webhookId: id,
      trigger: 'test',
      attempt: 1,
      eventType: 'context.deleted',
    })
    expect(JSON.parse(delivery!.body.toString())).toMatchObject({ id: eventId, type: 'context.deleted' })
    expect((await api.ask('GET', `/v1/events/${String(eventId)}`)).status).toBe(404)
  })

  it.each(['context.created', 'webhook.disabled'])('can be of a type that is not subscribed to: %s', async (type) => {
    const { id } = await create()
    const answer = await api.ask('POST', `/v1/webhooks/${id}/test`, { body: { type } })
    expect(await sent(answer.body.delivery_id)).toMatchObject({ eventType: type })
  })

  it('is taken for a disabled webhook', async () => {
    const { id } = await create()
    await api.ask('PATCH', `/v1/webhooks/${id}`, { body: { is_active: false } })
    expect((await api.ask('POST', `/v1/webhooks/${id}/test`)).status).toBe(202)
  })

  it.each([
    [{ type: 'context.moved' }, '/type'],
    [{ type: null }, '/type'],
    [{ kind: 'context.created' }, '/kind'],
  ])('refuses %j with 422 and names the field', async (body, pointer) => {
    const { id } = await create()
    expect(await api.ask('POST', `/v1/webhooks/${id}/test`, { body })).toMatchObject({
      status: 422,
      body: { errors: [{ pointer }] },
    })
  })

  it('of another account’s webhook answers 404', async () => {
    const { id } = await create()
    expect((await api.ask('POST', `/v1/webhooks/${id}/test`, { key: api.keys.otherAccount })).status).toBe(404)
  })
})
