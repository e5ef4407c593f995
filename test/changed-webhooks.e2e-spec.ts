import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { WebhookCreated } from './support/api-client.js'
import { eventually } from './support/eventually.js'
import { Pipeline } from './support/pipeline.js'
import { Receiver, isSigned } from './support/receiver.js'

/** A change of configuration is used by the next delivery within this. */
const APPLIED_WITHIN_MS = 2_000
const WEBHOOKS = 12

let pipeline: Pipeline
let receiver: Receiver

beforeAll(async () => {
  ;[pipeline, receiver] = await Promise.all([Pipeline.start({ dispatchers: 2 }), Receiver.start()])
})
afterAll(async () => {
  await pipeline?.stop()
  await receiver?.stop()
})

const patch = (webhookId: string, changes: object) =>
  pipeline.owner.expect<WebhookCreated>('PATCH', `/v1/webhooks/${webhookId}`, changes)

const rotate = (webhookId: string) =>
  pipeline.owner.expect<{ secret: string }>('POST', `/v1/webhooks/${webhookId}/rotate-secret`, { overlap_seconds: 0 })

const remove = (webhookId: string) => pipeline.owner.expect('DELETE', `/v1/webhooks/${webhookId}`)

const eventIdsAt = (path: string) => receiver.at(path).map(({ eventId }) => eventId)

/** So many webhooks that both dispatchers have some of them, each of which has had a delivery. */
async function webhooksOfBoth(path: (i: number) => string): Promise<WebhookCreated[]> {
  const attempts = (metrics: string) =>
    [...metrics.matchAll(/^webhooks_attempts_total\{[^}]*\} (\d+)/gm)].reduce((sum, [, n]) => sum + Number(n), 0)
  const dispatchers = ['dispatcher', 'dispatcher-2']
  const before = await Promise.all(dispatchers.map(async (each) => attempts(await pipeline.metrics(each))))
  const webhooks: WebhookCreated[] = []
  for (let i = 0; i < WEBHOOKS; i++) {
    webhooks.push(await pipeline.owner.createWebhook(receiver.url(path(i)), ['context.updated']))
  }
  await pipeline.publish()
  await eventually(() => webhooks.forEach((_, i) => expect(receiver.at(path(i))).toHaveLength(1)))
  for (const [i, dispatcher] of dispatchers.entries()) {
    await eventually(async () => expect(attempts(await pipeline.metrics(dispatcher))).toBeGreaterThan(before[i]!))
  }
  return webhooks
}

describe('a URL that was changed', () => {
  it('is called by the next delivery, on every dispatcher, and the one before never again', async () => {
    const before = (i: number) => `/url/${i}/before`
    const after = (i: number) => `/url/${i}/after`
    const webhooks = await webhooksOfBoth(before)

    const changed = await Promise.all(webhooks.map(({ id }, i) => patch(id, { url: receiver.url(after(i)) })))
    changed.forEach(({ url }, i) => expect(url).toBe(receiver.url(after(i))))
    const changedAt = Date.now()
    const { id } = await pipeline.publish()

    await eventually(() => webhooks.forEach((_, i) => expect(eventIdsAt(after(i))).toEqual([id])))
    webhooks.forEach((_, i) => {
      expect(receiver.at(after(i))[0]!.at - changedAt).toBeLessThan(APPLIED_WITHIN_MS)
      expect(receiver.at(before(i))).toHaveLength(1)
    })
    for (const webhook of webhooks) await remove(webhook.id)
  })

  it('is where a retry goes that waits', async () => {
    const webhook = await pipeline.owner.createWebhook(
      receiver.url('/retry/before', () => 500),
      ['context.updated'],
    )
    const { id } = await pipeline.publish()
    await eventually(() => expect(eventIdsAt('/retry/before')).toEqual([id]))

    await patch(webhook.id, { url: receiver.url('/retry/after') })

    await eventually(() => expect(eventIdsAt('/retry/after')).toEqual([id]))
    expect(receiver.at('/retry/after')[0]!.attempt).toBe(2)
    expect(eventIdsAt('/retry/before')).toEqual([id])
    await remove(webhook.id)
  })
})

describe('an event list that was changed', () => {
  it('holds for the next event, however often it changes', async () => {
    const at = '/list'
    const types = ['context.created', 'context.deleted', 'context.published'] as const
    const webhook = await pipeline.owner.createWebhook(receiver.url(at), [types[0]])
    const expected: string[] = []
    for (let i = 0; i < 12; i++) {
      const wanted = types.filter((_, n) => n === i % 3 || n === (i + (i % 2)) % 3)
      await patch(webhook.id, { events: wanted })
      const changedAt = Date.now()
      const published = await Promise.all(types.map((type) => pipeline.publish({ type })))
      const subscribed = published.filter(({ type }) => (wanted as readonly string[]).includes(type))
      expected.push(...subscribed.map(({ id }) => id))
      await eventually(() => expect(eventIdsAt(at)).toEqual(expect.arrayContaining(expected)))
      for (const { at: arrivedAt } of receiver.at(at).slice(-subscribed.length)) {
        expect(arrivedAt - changedAt).toBeLessThan(APPLIED_WITHIN_MS)
      }
    }
    // Nothing that came for the sake of an older list is on its way behind this one.
    await patch(webhook.id, { events: ['context.updated'] })
    expected.push((await pipeline.publish()).id)
    await eventually(() => expect(eventIdsAt(at)).toContain(expected.at(-1)))
    expect(eventIdsAt(at).sort()).toEqual([...expected].sort())
    await remove(webhook.id)
  })

  it('is told by the event: delivered to, or not subscribed when it was accepted', async () => {
    const webhook = await pipeline.owner.createWebhook(receiver.url('/matches'), ['context.updated'])
    const first = await pipeline.publish()
    await patch(webhook.id, { events: ['context.deleted'] })
    const second = await pipeline.publish()
    await patch(webhook.id, { events: ['context.updated'] })
    const third = await pipeline.publish()
    await eventually(() => expect(eventIdsAt('/matches').sort()).toEqual([first.id, third.id].sort()))

    const isTold = (eventId: string, match: object) =>
      eventually(async () => {
        const path = `/v1/events/${eventId}`
        const { matches } = await pipeline.owner.expect<{ matches: { webhook_id: string }[] | null }>('GET', path)
        expect(matches?.find(({ webhook_id }) => webhook_id === webhook.id)).toMatchObject(match)
      })
    await isTold(first.id, { status: 'delivered', reason: null })
    await isTold(second.id, { delivery_id: null, reason: 'type_not_subscribed' })
    await isTold(third.id, { status: 'delivered', reason: null })
    await remove(webhook.id)
  })
})

describe('URL, event list and secret', () => {
  it('that are changed one right after the other are all in the next delivery', async () => {
    const webhooks = await webhooksOfBoth((i) => `/all/${i}/before`)
    const after = (i: number) => `/all/${i}/after`
    const secrets = await Promise.all(
      webhooks.map(async ({ id }, i) => {
        await rotate(id)
        await patch(id, { events: ['context.unpublished'] })
        await patch(id, { url: receiver.url(after(i)) })
        return (await rotate(id)).secret
      }),
    )
    const changedAt = Date.now()
    await pipeline.publish()
    const { id } = await pipeline.publish({ type: 'context.unpublished' })

    await eventually(() => webhooks.forEach((_, i) => expect(eventIdsAt(after(i))).toEqual([id])))
    webhooks.forEach((_, i) => {
      const [request] = receiver.at(after(i))
      expect(isSigned(request!, secrets[i]!)).toBe(true)
      expect(String(request!.headers['webhook-signature']).split(' ')).toHaveLength(1)
      expect(request!.at - changedAt).toBeLessThan(APPLIED_WITHIN_MS)
      expect(receiver.at(`/all/${i}/before`)).toHaveLength(1)
    })
  })
})
