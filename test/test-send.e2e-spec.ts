import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from './support/eventually.js'
import { Pipeline } from './support/pipeline.js'
import { Receiver, isSigned } from './support/receiver.js'

let pipeline: Pipeline
let receiver: Receiver

beforeAll(async () => {
  ;[pipeline, receiver] = await Promise.all([Pipeline.start(), Receiver.start()])
})
afterAll(async () => {
  await pipeline?.stop()
  await receiver?.stop()
})

interface Sent {
  event_id: string
  delivery_id: string
}

const send = (webhookId: string, body?: object) =>
  pipeline.owner.expect<Sent>('POST', `/v1/webhooks/${webhookId}/test`, body)

/** The test among the webhook's deliveries, once its attempt is told of. */
function logged(webhookId: string, deliveryId: string) {
  return eventually(async () => {
    const list = await pipeline.owner.expect<{ data: { id: string; status: string; trigger: string }[] }>(
      'GET',
      `/v1/webhooks/${webhookId}/deliveries`,
    )
    const delivery = list.data.find(({ id }) => id === deliveryId)
    expect(delivery).toBeDefined()
    return delivery!
  })
}

describe('a test send', () => {
  it('reaches the receiver like any event, signed, and is seen in the log with its attempt', async () => {
    const webhook = await pipeline.owner.createWebhook(receiver.url('/test'), ['context.created'])
    const sent = await send(webhook.id)
    const [request] = await eventually(() => {
      expect(receiver.at('/test')).toHaveLength(1)
      return receiver.at('/test')
    })
    expect(request!.eventId).toBe(sent.event_id)
    expect(isSigned(request!, webhook.secret)).toBe(true)
    expect(JSON.parse(request!.body.toString())).toMatchObject({ id: sent.event_id, type: 'context.created' })
    expect(await logged(webhook.id, sent.delivery_id)).toMatchObject({ status: 'delivered', trigger: 'test' })
    const delivery = await pipeline.owner.expect('GET', `/v1/deliveries/${sent.delivery_id}`)
    const body = request!.body.toString()
    expect(delivery).toMatchObject({
      attempts: [{ number: 1, trigger: 'test', request: { body }, response: { status: 200 } }],
    })
  })

  it('is no event of the account', async () => {
    const webhook = await pipeline.owner.createWebhook(receiver.url('/no-event'), ['context.created'])
    const sent = await send(webhook.id)
    await logged(webhook.id, sent.delivery_id)
    // The projector has passed the test when it tells of an event that came after it.
    const { id } = await pipeline.publish({ type: 'context.created' })
    await eventually(() => pipeline.owner.expect('GET', `/v1/events/${id}`))
    expect((await pipeline.owner.request('GET', `/v1/events/${sent.event_id}`)).status).toBe(404)
    const { data } = await pipeline.owner.expect<{ data: { id: string }[] }>('GET', '/v1/events')
    expect(data.map((event) => event.id)).not.toContain(sent.event_id)
  })

  it.each(['context.deleted', 'webhook.disabled'])('can be of a type not subscribed to: %s', async (type) => {
    const path = `/unsubscribed/${type}`
    const webhook = await pipeline.owner.createWebhook(receiver.url(path), ['context.created'])
    await send(webhook.id, { type })
    await eventually(() => expect(receiver.at(path)).toHaveLength(1))
    expect(receiver.at(path)[0]!.headers['x-webhook-event']).toBe(type)
    expect(JSON.parse(receiver.at(path)[0]!.body.toString())).toMatchObject({ type })
  })

  it('reaches a disabled webhook, which stays disabled', async () => {
    const webhook = await pipeline.owner.createWebhook(receiver.url('/disabled'), ['context.created'])
    await pipeline.owner.expect('PATCH', `/v1/webhooks/${webhook.id}`, { is_active: false })
    const sent = await send(webhook.id)
    expect(await logged(webhook.id, sent.delivery_id)).toMatchObject({ status: 'delivered' })
    expect(receiver.at('/disabled')).toHaveLength(1)
    const after = await pipeline.owner.expect('GET', `/v1/webhooks/${webhook.id}`)
    expect(after).toMatchObject({ state: 'disabled' })
  })

  it.each([
    [500, 'exhausted'],
    [410, 'gone'],
  ])('that is answered %i is attempted once, begins no streak and disables nothing', async (status, end) => {
    const path = `/answers/${status}`
    const webhook = await pipeline.owner.createWebhook(
      receiver.url(path, ({ headers }) => (headers['x-webhook-event'] === 'context.deleted' ? status : 200)),
      ['context.created'],
    )
    const sent = await send(webhook.id, { type: 'context.deleted' })
    expect(await logged(webhook.id, sent.delivery_id)).toMatchObject({ status: end })
    // What is sent next arrives: the lane is neither silent nor waiting.
    await pipeline.publish({ type: 'context.created' })
    await eventually(() => expect(receiver.at(path)).toHaveLength(2))
    const after = await pipeline.owner.expect('GET', `/v1/webhooks/${webhook.id}`)
    expect(after).toMatchObject({ state: 'active', failing_since: null })
  })
})
