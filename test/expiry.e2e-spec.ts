import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from './support/eventually.js'
import { Pipeline } from './support/pipeline.js'
import { Receiver } from './support/receiver.js'
import { readTopics } from './support/topics.js'

const MAX_AGE_MS = 6_000
/** More than a lane holds without putting any off, so that most meet an open circuit. */
const EVENTS = 120

interface Delivery {
  id: string
  event_id: string
  status: string
  attempts_made: number
  next: unknown
}

let pipeline: Pipeline
let receiver: Receiver

beforeAll(async () => {
  ;[pipeline, receiver] = await Promise.all([
    Pipeline.start({
      environment: { RETRY_SCHEDULE: '1s,1s,1s,1s,1s', DELIVERY_MAX_AGE: '6s', ATTEMPT_TIMEOUT: '2s' },
    }),
    Receiver.start(),
  ])
})
afterAll(async () => {
  await pipeline?.stop()
  await receiver?.stop()
})

async function publish(count: number, type: string): Promise<string[]> {
  const events = Array.from({ length: count }, () => pipeline.event({ type }))
  const { data } = await pipeline.producer.expect<{ data: { id: string }[] }>('POST', '/v1/events/batch', { events })
  return data.map(({ id }) => id)
}

async function listed(webhookId: string, filter = ''): Promise<Delivery[]> {
  const all: Delivery[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const query: string = `limit=100${filter}${cursor && `&cursor=${cursor}`}`
    const page: { data: Delivery[]; next_cursor: string | null } = await pipeline.owner.expect(
      'GET',
      `/v1/webhooks/${webhookId}/deliveries?${query}`,
    )
    all.push(...page.data)
    cursor = page.next_cursor
  }
  return all
}

/** When and how each chain of the webhook's deliveries ended, as the log tells: by delivery and chain. */
async function endsAt(webhookId: string): Promise<Map<string, { end: string; at: number }[]>> {
  const ends = new Map<string, { end: string; at: number }[]>()
  for (const { value } of await readTopics(pipeline.kafkaBrokers, [`${pipeline.topicPrefix}delivery-log`])) {
    const fact = JSON.parse(value!.toString())
    if (fact.delivery?.webhookId !== webhookId) continue
    const key = `${fact.delivery.deliveryId}/${fact.delivery.chain}`
    const told =
      fact.kind === 'chain_ended'
        ? [{ end: fact.end, at: fact.at }]
        : fact.kind === 'attempted' && fact.next.kind === 'end'
          ? [{ end: fact.next.end, at: fact.startedAt + fact.durationMs }]
          : []
    ends.set(key, [...(ends.get(key) ?? []), ...told])
  }
  return ends
}

describe('what is put off again and again', () => {
  it('for a receiver without any success expires after its time, once, and can be sent again', async () => {
    const webhook = await pipeline.owner.createWebhook(
      receiver.url('/never', () => 503),
      ['context.updated'],
    )
    const publishedAt = Date.now()
    const ids = await publish(EVENTS, 'context.updated')

    const deliveries = await eventually(async () => {
      const all = await listed(webhook.id)
      expect(all).toHaveLength(EVENTS)
      expect(all.filter(({ status }) => status === 'waiting')).toEqual([])
      return all
    }, 90_000)

    const expired = deliveries.filter(({ status }) => status === 'expired')
    expect(expired.length).toBeGreaterThan(EVENTS / 2)
    expect(deliveries.filter(({ status }) => status !== 'expired' && status !== 'exhausted')).toEqual([])
    for (const { next } of deliveries) expect(next ?? null).toBeNull()
    const ends = await endsAt(webhook.id)
    expect(ends.size).toBe(EVENTS)
    for (const told of ends.values()) expect(told).toHaveLength(1)
    for (const { id } of expired) {
      const [{ end, at: endedAt }] = ends.get(`${id}/0`) as [{ end: string; at: number }]
      expect(end).toBe('expired')
      expect(endedAt - publishedAt).toBeGreaterThanOrEqual(MAX_AGE_MS)
    }
    const gaveUp = (await readTopics(pipeline.kafkaBrokers, [`${pipeline.topicPrefix}deliveries.dead-letter`])).filter(
      ({ key }) => key === webhook.id,
    )
    expect(gaveUp).toHaveLength(EVENTS)

    // Elsewhere, so that nobody waits for what was learnt about the receiver of before.
    await pipeline.owner.expect('PATCH', `/v1/webhooks/${webhook.id}`, { url: receiver.url('/mended') })
    const { id: replayId } = await pipeline.owner.expect<{ id: string }>('POST', `/v1/webhooks/${webhook.id}/replays`, {
      since: new Date(publishedAt - 1_000).toISOString(),
      only: 'failed',
    })
    await eventually(async () =>
      expect(await pipeline.owner.expect('GET', `/v1/replays/${replayId}`)).toMatchObject({
        state: 'done',
        matched: EVENTS,
        sent: EVENTS,
      }),
    )
    await eventually(async () => expect(await listed(webhook.id, '&status=delivered')).toHaveLength(EVENTS), 60_000)
    const again = receiver.at('/mended').map(({ eventId }) => eventId)
    expect(again.sort()).toEqual([...ids].sort())
  })

  it('by a receiver that is only slow does not expire, however long its backlog takes', async () => {
    const at = '/slow'
    const count = 250
    let underWay = 0
    const webhook = await pipeline.owner.createWebhook(
      // It takes some at a time: those beyond wait for their turn, and the lane learns to send fewer at once.
      receiver.url(at, async () => {
        underWay++
        await new Promise((resolve) => setTimeout(resolve, underWay > 24 ? 100 : 1_000))
        return underWay-- > 24 ? 503 : 200
      }),
      ['context.deleted'],
    )
    const publishedAt = Date.now()
    await publish(count, 'context.deleted')
    const deliveries = await eventually(async () => {
      const all = await listed(webhook.id)
      expect(all).toHaveLength(count)
      expect(all.filter(({ status }) => status === 'waiting')).toEqual([])
      return all
    }, 60_000)
    expect(deliveries.filter(({ status }) => status === 'expired')).toEqual([])
    // Else nothing was old enough.
    expect(receiver.at(at).at(-1)!.at - publishedAt).toBeGreaterThan(MAX_AGE_MS)
  })
})
