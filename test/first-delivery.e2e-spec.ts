import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { contextEventTypes } from '#domain'
import { eventually } from './support/eventually.js'
import { type GuideReceiver, startGuideReceiver } from './support/guide-receiver.js'
import { Pipeline } from './support/pipeline.js'
import { Receiver, isSigned } from './support/receiver.js'
import { readTopics } from './support/topics.js'

let pipeline: Pipeline
let receiver: Receiver
let guideReceiver: GuideReceiver

beforeAll(async () => {
  ;[pipeline, receiver, guideReceiver] = await Promise.all([Pipeline.start(), Receiver.start(), startGuideReceiver()])
})
afterAll(async () => {
  await pipeline?.stop()
  await Promise.all([receiver?.stop(), guideReceiver?.stop()])
})

describe('creating a webhook', () => {
  it("answers the guide's curl with the guide's answer, field for field", async () => {
    const output = execFileSync(
      'curl',
      [
        '-sS',
        '-X',
        'POST',
        `${pipeline.apiUrl}/v1/webhooks`,
        '-H',
        `Authorization: Bearer ${pipeline.account.key}`,
        '-H',
        'Content-Type: application/json',
        '-d',
        '{\n"name": "My Webhook",\n"url": "https://example.com/webhook",\n"events": ["context.created", "context.updated"]\n}',
      ],
      { encoding: 'utf8' },
    )
    const answer = JSON.parse(output)
    expect(Object.keys(answer)).toEqual(['id', 'name', 'url', 'events', 'secret', 'is_active', 'created_at'])
    expect(answer).toEqual({
      id: expect.stringMatching(/^whk_[A-Za-z0-9]+$/),
      name: 'My Webhook',
      url: 'https://example.com/webhook',
      events: ['context.created', 'context.updated'],
      secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/=]+$/),
      is_active: true,
      created_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    })
    // Nothing listens at example.com for us: the webhook must not outlive this test.
    await pipeline.owner.expect('DELETE', `/v1/webhooks/${answer.id}`)
  })
})

describe('a published event', () => {
  it("is verified by the guide's own Express snippet, for all five types", async () => {
    const webhook = await pipeline.owner.createWebhook(guideReceiver.url, contextEventTypes)
    guideReceiver.useSecret(webhook.secret)
    const names = ['My AI Assistant', 'naïve – “quotes” \\ / \u2028 😀', '{"a":1}', '0', '</script>']
    const published = []
    for (const [i, type] of contextEventTypes.entries()) {
      published.push(await pipeline.publish({ type, name: names[i]! }))
    }
    await eventually(() => expect(guideReceiver.answers).toHaveLength(published.length))
    expect(guideReceiver.answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
    expect(new Set(guideReceiver.answers.map(({ eventId }) => eventId))).toEqual(new Set(published.map(({ id }) => id)))
    await pipeline.owner.expect('DELETE', `/v1/webhooks/${webhook.id}`)
  })

  it('arrives in the shape of the guide, with every header that receivers were promised', async () => {
    const webhook = await pipeline.owner.createWebhook(receiver.url('/shape'), ['context.updated'])
    const event = await pipeline.publish()
    const [request] = await eventually(() => {
      const requests = receiver.at('/shape')
      expect(requests).toHaveLength(1)
      return requests
    })
    expect(request!.body.toString()).toBe(
      JSON.stringify({
        id: event.id,
        type: 'context.updated',
        created_at: event.created_at,
        data: {
          context: {
            id: '550e8400-e29b-41d4-a716-446655440000',
            name: 'My AI Assistant',
            slug: 'my-ai-assistant',
            updated_at: '2024-01-15T14:45:00Z',
          },
        },
      }),
    )
    expect(request!.headers).toMatchObject({
      'content-type': 'application/json',
      'user-agent': expect.stringMatching(/^ContextFile-Webhooks\/\d+\.\d+\.\d+$/),
      'webhook-id': event.id,
      'webhook-timestamp': expect.stringMatching(/^\d{10}$/),
      'webhook-signature': expect.stringMatching(/^v1,[A-Za-z0-9+/]{43}=$/),
      'x-webhook-event': 'context.updated',
      'x-webhook-delivery': expect.stringMatching(/^dlv_/),
      'x-webhook-attempt': '1',
    })
    expect(isSigned(request!, webhook.secret)).toBe(true)
  })

  it('carries the signature that openssl computes', async () => {
    const webhook = await pipeline.owner.createWebhook(receiver.url('/openssl'), ['context.updated'])
    await pipeline.publish({ name: 'signed by two' })
    const [request] = await eventually(() => {
      expect(receiver.at('/openssl')).toHaveLength(1)
      return receiver.at('/openssl')
    })
    const file = join(pipeline.folder, 'body')
    writeFileSync(file, request!.body)
    const output = execFileSync('openssl', ['dgst', '-sha256', '-hmac', webhook.secret, file], { encoding: 'utf8' })
    expect(output.trim().split(' ').at(-1)).toBe(request!.headers['x-webhook-signature'])
  })

  it('goes only to webhooks that subscribed to its type, of its own account', async () => {
    const other = await pipeline.newAccount()
    await pipeline.owner.createWebhook(receiver.url('/only-deleted'), ['context.deleted'])
    await other.client.createWebhook(receiver.url('/other-account'), ['context.updated', 'context.deleted'])
    await pipeline.publish({ type: 'context.updated' })
    // A marker behind it on the same partitions: what was to come before it has come.
    const marker = await pipeline.publish({ type: 'context.deleted' })
    const markerOfOther = await pipeline.publish({ type: 'context.deleted', accountId: other.id })
    await eventually(() => {
      expect(receiver.at('/only-deleted').map(({ eventId }) => eventId)).toEqual([marker.id])
      expect(receiver.at('/other-account').map(({ eventId }) => eventId)).toEqual([markerOfOther.id])
    })
  })

  it('reaches a webhook whose creation was answered just before it', async () => {
    for (let i = 0; i < 20; i++) {
      await pipeline.owner.createWebhook(receiver.url(`/just-created/${i}`), ['context.published'])
      const event = await pipeline.publish({ type: 'context.published' })
      await eventually(() => {
        expect(receiver.at(`/just-created/${i}`).map(({ eventId }) => eventId)).toContain(event.id)
      })
    }
  })

  it('does not reach a webhook whose deletion was answered just before it', async () => {
    const stays = await pipeline.owner.createWebhook(receiver.url('/stays'), ['context.unpublished'])
    const published: string[] = []
    for (let i = 0; i < 20; i++) {
      const webhook = await pipeline.owner.createWebhook(receiver.url(`/just-deleted/${i}`), ['context.unpublished'])
      await pipeline.owner.expect('DELETE', `/v1/webhooks/${webhook.id}`)
      published.push((await pipeline.publish({ type: 'context.unpublished' })).id)
    }
    await eventually(() => expect(receiver.at('/stays')).toHaveLength(20))
    // The event before may still be on its way while a webhook exists; the one behind its deletion must not reach it.
    for (const [i, id] of published.entries()) {
      expect(receiver.at(`/just-deleted/${i}`).map(({ eventId }) => eventId)).not.toContain(id)
    }
    await pipeline.owner.expect('DELETE', `/v1/webhooks/${stays.id}`)
  })

  it('posted a second time with its id answers the same and arrives once', async () => {
    await pipeline.owner.createWebhook(receiver.url('/repeated'), ['context.created'])
    const id = 'evt_posted-again-and-again'
    const first = await pipeline.publish({ type: 'context.created', id })
    const second = await pipeline.publish({ type: 'context.created', id, name: 'another name' })
    expect(second.id).toBe(first.id)
    const marker = await pipeline.publish({ type: 'context.created' })
    await eventually(() => {
      expect(receiver.at('/repeated').map(({ eventId }) => eventId)).toEqual(expect.arrayContaining([marker.id]))
    })
    expect(receiver.at('/repeated').filter(({ eventId }) => eventId === id)).toHaveLength(1)
  })
})

describe('a batch of events', () => {
  it('is answered in its order, and every event of it arrives', async () => {
    await pipeline.owner.createWebhook(receiver.url('/batch'), ['context.created'])
    const events = Array.from({ length: 500 }, (_, i) => pipeline.event({ type: 'context.created', name: `n ${i}` }))
    const { data } = await pipeline.producer.expect<{ data: { id: string }[] }>('POST', '/v1/events/batch', { events })
    expect(data).toHaveLength(500)
    const arrived = await eventually(() => {
      const requests = receiver.at('/batch').filter(({ body }) => body.includes('"name":"n '))
      expect(requests).toHaveLength(500)
      return requests
    })
    const nameOf = new Map(arrived.map((r) => [r.eventId, JSON.parse(r.body.toString()).data.context.name]))
    expect(data.map(({ id }) => nameOf.get(id))).toEqual(events.map(({ context }) => context.name))
  })
})

describe('the log of deliveries', () => {
  it('tells of each delivery what was sent, what was answered and how it ended', async () => {
    const headers = { 'x-mine': 'yes', 'set-cookie': 'session=stolen' }
    const script = () => ({ status: 200, headers, body: 'thank you' })
    const webhook = await pipeline.owner.createWebhook(receiver.url('/logged', script), ['context.deleted'])
    const event = await pipeline.publish({ type: 'context.deleted' })
    const delivery = await eventually(async () => {
      const list = await pipeline.owner.expect<{ data: { id: string; event_id: string; status: string }[] }>(
        'GET',
        `/v1/webhooks/${webhook.id}/deliveries`,
      )
      expect(list.data).toMatchObject([{ event_id: event.id, status: 'delivered' }])
      return list.data[0]!
    })
    const detail = await pipeline.owner.expect<Record<string, unknown>>('GET', `/v1/deliveries/${delivery.id}`)
    expect(detail).toMatchObject({
      id: delivery.id,
      status: 'delivered',
      next: null,
      attempts: [
        {
          number: 1,
          trigger: 'automatic',
          outcome: 'succeeded',
          request: {
            headers: { 'webhook-id': event.id, 'x-webhook-signature': expect.stringMatching(/^[0-9a-f]{8}…$/) },
            body: receiver.at('/logged')[0]!.body.toString(),
          },
          response: { headers: { 'x-mine': 'yes', 'set-cookie': '[redacted]' }, body: 'thank you' },
        },
      ],
    })
    expect(JSON.stringify(detail)).not.toContain('stolen')
  })
})

describe('secrets', () => {
  it('are in no log and no topic', async () => {
    const webhook = await pipeline.owner.createWebhook(receiver.url('/secret'), ['context.published'])
    await pipeline.owner.expect('PATCH', `/v1/webhooks/${webhook.id}`, { name: 'renamed' })
    await pipeline.publish({ type: 'context.published' })
    await eventually(() => expect(receiver.at('/secret').length).toBeGreaterThan(0))
    const names = ['context-events', 'webhook-changes', 'deliveries', 'delivery-log', 'deliveries.dead-letter']
    const records = await readTopics(
      pipeline.kafkaBrokers,
      names.map((name) => pipeline.topicPrefix + name),
    )
    expect(records.some(({ key }) => key === webhook.id)).toBe(true)
    const logs = await Promise.all(['api', 'fanout', 'dispatcher'].map((service) => pipeline.log(service)))
    const everything = [
      ...logs,
      ...records.map(({ value, headers }) => `${value?.toString()} ${JSON.stringify(headers)}`),
    ].join('\n')
    expect(everything).toContain(webhook.id)
    for (const secret of [
      webhook.secret,
      webhook.secret.slice('whsec_'.length),
      pipeline.account.key,
      pipeline.producerKey,
    ]) {
      expect(everything).not.toContain(secret)
    }
  })
})
