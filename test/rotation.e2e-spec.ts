import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { WebhookCreated } from './support/api-client.js'
import { eventually } from './support/eventually.js'
import { startGuideReceiver } from './support/guide-receiver.js'
import { Pipeline } from './support/pipeline.js'
import { Receiver, isSigned } from './support/receiver.js'

/** A change of configuration is used by the next delivery within this. */
const APPLIED_WITHIN_MS = 2_000
const EVENTS_PER_SECOND = 20

let pipeline: Pipeline
let receiver: Receiver

beforeAll(async () => {
  ;[pipeline, receiver] = await Promise.all([Pipeline.start({ dispatchers: 2 }), Receiver.start()])
})
afterAll(async () => {
  await pipeline?.stop()
  await receiver?.stop()
})

interface Rotated {
  secret: string
  previous_expires_at: string
}

const rotate = (webhookId: string, overlap_seconds: number) =>
  pipeline.owner.expect<Rotated>('POST', `/v1/webhooks/${webhookId}/rotate-secret`, { overlap_seconds })

const timeOf = (at: number) => eventually(() => expect(Date.now()).toBeGreaterThanOrEqual(at))

/** Posts events at a steady pace until it is told to stop; answers their ids. */
function constantTraffic(type: string): { stop(): Promise<string[]> } {
  let isStopped = false
  const posting = (async () => {
    const ids: string[] = []
    const startedAt = Date.now()
    while (!isStopped) {
      ids.push((await pipeline.publish({ type })).id)
      await timeOf(startedAt + (ids.length * 1_000) / EVENTS_PER_SECOND)
    }
    return ids
  })()
  return {
    stop: () => {
      isStopped = true
      return posting
    },
  }
}

async function allDeliveries(webhookId: string) {
  const all: { event_id: string; status: string; attempts_made: number }[] = []
  let cursor = ''
  do {
    const page = await pipeline.owner.expect<{ data: typeof all; next_cursor: string | null }>(
      'GET',
      `/v1/webhooks/${webhookId}/deliveries?limit=100${cursor}`,
    )
    all.push(...page.data)
    cursor = page.next_cursor === null ? '' : `&cursor=${page.next_cursor}`
  } while (cursor)
  return all
}

describe('a rotation under constant traffic', () => {
  it('loses nothing and leaves nothing failed when the guide’s receiver switches in the middle of the overlap', async () => {
    const guide = await startGuideReceiver()
    try {
      const webhook = await pipeline.owner.createWebhook(guide.url, ['context.created'])
      guide.useSecret(webhook.secret)
      const traffic = constantTraffic('context.created')
      await eventually(() => expect(guide.answers.length).toBeGreaterThan(EVENTS_PER_SECOND))

      const overlapSeconds = 6
      const rotated = await rotate(webhook.id, overlapSeconds)
      const expiresAt = Date.parse(rotated.previous_expires_at)
      await timeOf(expiresAt - (overlapSeconds / 2) * 1_000)
      guide.useSecret(rotated.secret)
      await timeOf(expiresAt)
      const answeredInTheOverlap = guide.answers.length
      await eventually(() => expect(guide.answers.length).toBeGreaterThan(answeredInTheOverlap + EVENTS_PER_SECOND))

      const published = await traffic.stop()
      const deliveries = await eventually(async () => {
        const all = await allDeliveries(webhook.id)
        expect(all.filter(({ status }) => status === 'delivered')).toHaveLength(published.length)
        return all
      })
      expect(deliveries.map(({ event_id }) => event_id).toSorted()).toEqual(published.toSorted())
      // The other secret is tried within the same attempt: nothing had to wait for a retry.
      expect(deliveries.filter(({ attempts_made }) => attempts_made > 1)).toEqual([])
      const accepted = new Set(guide.answers.filter(({ status }) => status === 200).map(({ eventId }) => eventId))
      expect(published.filter((id) => !accepted.has(id))).toEqual([])
      // And the first refusal was the last that it took to notice the switch, but for what was under way.
      expect(guide.answers.filter(({ status }) => status === 401).length).toBeLessThan(EVENTS_PER_SECOND)
    } finally {
      await guide.stop()
    }
  })

  it('serves a receiver whose instances switch one after the other', async () => {
    const secrets = { old: '', new: '' }
    let switched = 0
    const webhook = await pipeline.owner.createWebhook(
      receiver.url('/instances', (request, earlier) => {
        const hasNew = earlier.length % 3 < switched
        return isSigned(request, hasNew ? secrets.new : secrets.old) ? 200 : 401
      }),
      ['context.deleted'],
    )
    secrets.old = webhook.secret
    secrets.new = (await rotate(webhook.id, 60)).secret
    const published: string[] = []
    for (switched = 0; switched <= 3; switched++) {
      const ids = await Promise.all(Array.from({ length: 5 }, () => pipeline.publish({ type: 'context.deleted' })))
      published.push(...ids.map(({ id }) => id))
      await eventually(async () => {
        const all = await allDeliveries(webhook.id)
        expect(all.filter(({ status }) => status === 'delivered')).toHaveLength(published.length)
      })
    }
  })
})

describe('a secret', () => {
  it('whose overlap is over signs nothing any more', async () => {
    const webhook = await pipeline.owner.createWebhook(receiver.url('/expiry'), ['context.published'])
    const next = async (count: number) => {
      await pipeline.publish({ type: 'context.published' })
      await eventually(() => expect(receiver.at('/expiry')).toHaveLength(count))
      return receiver.at('/expiry').at(-1)!
    }
    const { secret, previous_expires_at: expires } = await rotate(webhook.id, 3)
    const during = await next(1)
    expect(isSigned(during, webhook.secret)).toBe(true)
    expect(String(during.headers['webhook-signature']).split(' ')).toHaveLength(2)
    expect(during.at).toBeLessThan(Date.parse(expires))
    await timeOf(Date.parse(expires))
    const after = await next(2)
    expect(isSigned(after, secret)).toBe(true)
    expect(String(after.headers['webhook-signature']).split(' ')).toHaveLength(1)
  })

  it('that is rotated during an overlap needs an overlap of 0, which ends the older ones', async () => {
    const webhook = await pipeline.owner.createWebhook(receiver.url('/during'), ['context.unpublished'])
    await rotate(webhook.id, 600)
    const again = { overlap_seconds: 600 }
    expect(await pipeline.owner.request('POST', `/v1/webhooks/${webhook.id}/rotate-secret`, again)).toMatchObject({
      status: 409,
    })
    const { secret } = await rotate(webhook.id, 0)
    await pipeline.publish({ type: 'context.unpublished' })
    const [request] = await eventually(() => {
      expect(receiver.at('/during')).toHaveLength(1)
      return receiver.at('/during')
    })
    expect(isSigned(request!, secret)).toBe(true)
    expect(String(request!.headers['webhook-signature']).split(' ')).toHaveLength(1)
  })

  it('is used by the next delivery, on every dispatcher', async () => {
    const many: WebhookCreated[] = []
    for (let i = 0; i < 12; i++) {
      many.push(await pipeline.owner.createWebhook(receiver.url(`/many/${i}`), ['context.updated']))
    }
    await pipeline.publish()
    await eventually(() => many.forEach((_, i) => expect(receiver.at(`/many/${i}`)).toHaveLength(1)))
    for (const dispatcher of ['dispatcher', 'dispatcher-2']) {
      expect(await pipeline.metrics(dispatcher)).toMatch(/^webhooks_attempts_total\{[^}]*succeeded[^}]*\} [1-9]/m)
    }
    const rotated = await Promise.all(many.map(({ id }) => rotate(id, 0)))
    const changedAt = Date.now()
    await pipeline.publish()
    await eventually(() => many.forEach((_, i) => expect(receiver.at(`/many/${i}`)).toHaveLength(2)))
    many.forEach((_, i) => {
      const [first, second] = receiver.at(`/many/${i}`)
      expect(isSigned(first!, many[i]!.secret)).toBe(true)
      expect(isSigned(second!, rotated[i]!.secret)).toBe(true)
      expect(second!.at - changedAt).toBeLessThan(APPLIED_WITHIN_MS)
    })
  })
})
