import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { askAdmin, runAdmin } from '../local/src/admin-command.js'
import { eventually } from './support/eventually.js'
import { untilFannedOut } from './support/fanned-out.js'
import { Pipeline } from './support/pipeline.js'
import { Receiver } from './support/receiver.js'

const MISSED = 1_000
const DELIVERED = 60
/** So that the replay takes longer than a rebuild or two. */
const PER_SECOND = 40
const REDELIVERIES_PER_SECOND = 10
const STEADY_PER_SECOND = 100
/** Without traffic it takes some seconds. */
const REBUILT_WITHIN_MS = 30_000

interface Page {
  data: { id: string; event_id: string; status: string }[]
  next_cursor: string | null
}

interface Attempted {
  status: string
  attempts_made: number
  attempts: { chain: number; outcome: string }[]
}

let pipeline: Pipeline
let receiver: Receiver

beforeAll(async () => {
  ;[pipeline, receiver] = await Promise.all([Pipeline.start(), Receiver.start()])
})
afterAll(async () => {
  await pipeline?.stop()
  await receiver?.stop()
})

async function publish(count: number, type?: string): Promise<string[]> {
  const events = Array.from({ length: count }, () => pipeline.event(type === undefined ? {} : { type }))
  const { data } = await pipeline.producer.expect<{ data: { id: string }[] }>('POST', '/v1/events/batch', { events })
  return data.map(({ id }) => id)
}

const rebuild = () => askAdmin(['rebuild'], pipeline.admin)

async function listed(webhookId: string, filter = ''): Promise<Page['data']> {
  const all: Page['data'] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const query: string = `limit=100${filter}${cursor && `&cursor=${cursor}`}`
    const page: Page = await pipeline.owner.expect<Page>('GET', `/v1/webhooks/${webhookId}/deliveries?${query}`)
    all.push(...page.data)
    cursor = page.next_cursor
  }
  return all
}

/** All that the API says of a webhook's deliveries, with every attempt. */
async function everyDelivery(webhookId: string): Promise<string[]> {
  const answers = []
  for (const each of await listed(webhookId)) {
    answers.push(JSON.stringify([each, await pipeline.owner.expect('GET', `/v1/deliveries/${each.id}`)]))
  }
  return answers
}

const cameTo = (path: string, eventId: string) => receiver.at(path).filter((each) => each.eventId === eventId).length

describe('admin rebuild, again and again,', () => {
  it('leaves a replay and redeliveries that go on meanwhile as they are: all arrive, and nothing because of it', async () => {
    const missed = await publish(MISSED)
    await untilFannedOut(pipeline, receiver, { id: pipeline.account.id, client: pipeline.owner })
    const replayedAt = '/replayed'
    const deliveredAt = '/delivered'
    const late = await pipeline.owner.createWebhook(receiver.url(replayedAt), ['context.updated'])
    const early = await pipeline.owner.createWebhook(
      // The first attempt of every third event fails, so that retries wait while the tables are changed.
      receiver.url(deliveredAt, ({ eventId, attempt }) =>
        eventId.charCodeAt(5) % 3 === 0 && attempt === 1 ? 500 : 200,
      ),
      ['context.updated'],
    )
    const delivered = await publish(DELIVERED)
    await eventually(async () => expect(await listed(early.id, '&status=delivered')).toHaveLength(DELIVERED))
    await eventually(async () => expect(await listed(late.id, '&status=delivered')).toHaveLength(DELIVERED))
    const replay = await pipeline.owner.expect<{ id: string }>('POST', `/v1/webhooks/${late.id}/replays`, {
      since: new Date(Date.now() - 600_000).toISOString(),
      only: 'missed',
      rate_per_second: PER_SECOND,
    })
    const isDone = async () =>
      (await pipeline.owner.expect<{ state: string }>('GET', `/v1/replays/${replay.id}`)).state === 'done'
    await eventually(() => expect(receiver.at(replayedAt).length).toBeGreaterThan(DELIVERED))

    /** That were over before the replay was. */
    let rebuilds = 0
    let isRebuilding = true
    const rebuilding = (async () => {
      while (!(await isDone())) {
        await rebuild()
        if (!(await isDone())) rebuilds++
      }
      isRebuilding = false
    })()
    const redelivered = new Set<string>()
    const redelivering = (async () => {
      const startedAt = Date.now()
      for (let n = 0; isRebuilding; n++) {
        const nextAt = startedAt + (n * 1_000) / REDELIVERIES_PER_SECOND
        await eventually(() => expect(Date.now()).toBeGreaterThanOrEqual(nextAt))
        // Of both webhooks, and what the replay has brought as well.
        const webhook = n % 4 === 0 ? early : late
        const deliveries = await listed(webhook.id, '&status=delivered')
        const { id, event_id: eventId } = deliveries[(n * 7) % deliveries.length]!
        const key = `${webhook.id} ${eventId}`
        // Asked for again before it has come, a redelivery takes the place of the one before.
        if (redelivered.has(key)) continue
        redelivered.add(key)
        const answer = await pipeline.owner.request('POST', `/v1/deliveries/${id}/redeliver`)
        expect(answer.status, JSON.stringify(answer.body)).toBe(202)
      }
    })()
    await Promise.all([rebuilding, redelivering])

    expect(rebuilds).toBeGreaterThan(0)
    expect(redelivered.size).toBeGreaterThan(10)
    const ended = async () => {
      for (const [webhook, count] of [
        [late, MISSED + DELIVERED],
        [early, DELIVERED],
      ] as const) {
        expect(await listed(webhook.id, '&status=delivered')).toHaveLength(count)
        expect(await listed(webhook.id)).toHaveLength(count)
      }
    }
    await eventually(ended, 60_000)
    const asked = (webhookId: string, eventId: string) => Number(redelivered.has(`${webhookId} ${eventId}`))
    const wrongly: string[] = []
    for (const eventId of [...missed, ...delivered]) {
      const [came, meant] = [cameTo(replayedAt, eventId), 1 + asked(late.id, eventId)]
      if (came !== meant) wrongly.push(`${eventId} came ${came} times to the new webhook instead of ${meant}`)
    }
    expect(wrongly).toEqual([])
    for (const eventId of missed) expect(cameTo(deliveredAt, eventId)).toBe(0)
    // And the read models say the same as the receiver.
    for (const { id, event_id: eventId } of await listed(early.id)) {
      const { attempts } = await pipeline.owner.expect<Attempted>('GET', `/v1/deliveries/${id}`)
      expect(attempts).toHaveLength(cameTo(deliveredAt, eventId))
      expect(attempts.filter(({ outcome }) => outcome === 'succeeded')).toHaveLength(1 + asked(early.id, eventId))
    }
    expect(await runAdmin(['audit', '--since', '1h', '--overdue-after', '1s'], pipeline.admin)).toContain(
      'Nothing is missing.',
    )
    const requests = receiver.requests.length
    const before = await everyDelivery(early.id)
    await rebuild()
    expect(await everyDelivery(early.id)).toEqual(before)
    expect(receiver.requests).toHaveLength(requests)
  })
})

describe('admin rebuild', () => {
  it('ends while events come without a pause, and has them all', async () => {
    const at = '/steady'
    const webhook = await pipeline.owner.createWebhook(receiver.url(at), ['context.deleted'])
    const published: string[] = []
    let isStopped = false
    const publishing = (async () => {
      const startedAt = Date.now()
      while (!isStopped) {
        published.push(...(await publish(STEADY_PER_SECOND / 20, 'context.deleted')))
        const nextAt = startedAt + (published.length * 1_000) / STEADY_PER_SECOND
        await eventually(() => expect(Date.now()).toBeGreaterThanOrEqual(nextAt))
      }
    })()
    await eventually(() => expect(receiver.at(at).length).toBeGreaterThan(STEADY_PER_SECOND))

    const outcome = await askAdmin(['rebuild'], { ...pipeline.admin, signal: AbortSignal.timeout(REBUILT_WITHIN_MS) })
      .catch((error: unknown) => ({ failed: String(error) }))
      .finally(() => (isStopped = true))
    await publishing

    expect(outcome).toMatchObject({ resumed: false })
    await eventually(async () => expect(await listed(webhook.id, '&status=delivered')).toHaveLength(published.length))
  })
})
