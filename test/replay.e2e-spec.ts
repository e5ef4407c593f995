import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { partitionOfKey } from '../libs/kafka/src/codec/murmur2.js'
import type { ApiClient, WebhookCreated } from './support/api-client.js'
import { eventually } from './support/eventually.js'
import { untilFannedOut } from './support/fanned-out.js'
import { PARTITIONS, Pipeline } from './support/pipeline.js'
import { Receiver } from './support/receiver.js'
import { readTopics } from './support/topics.js'

interface ReplayView {
  id: string
  state: string
  detail: string | null
  matched: number
  sent: number
}

interface DeliveryView {
  event_id: string
  status: string
  trigger: string
}

interface ProblemView {
  detail: string
  errors?: { pointer: string; detail: string }[]
}

let pipeline: Pipeline
let receiver: Receiver

beforeAll(async () => {
  ;[pipeline, receiver] = await Promise.all([
    Pipeline.start({ environment: { RETRY_SCHEDULE: '1s,1s,1s,1s,1s', RATE_LIMIT_PER_KEY: '1000/s' } }),
    Receiver.start(),
  ])
})
afterAll(async () => {
  await pipeline?.stop()
  await receiver?.stop()
})

/** A user of its own for each test, so that no test's events match another's replay. */
async function newOwner(): Promise<{ id: string; client: ApiClient }> {
  return pipeline.newAccount()
}

/** A webhook that has missed all that its account has posted. */
async function newcomer(
  owner: { id: string; client: ApiClient },
  url: string,
  events = ['context.updated'],
): Promise<WebhookCreated> {
  await untilFannedOut(pipeline, receiver, owner)
  return owner.client.createWebhook(url, events)
}

const path = () => `/replay/${randomUUID()}`
const minuteAgo = () => new Date(Date.now() - 60_000).toISOString()

/** Posts events and answers their ids, in order. */
async function publish(accountId: string, count: number, type = 'context.updated'): Promise<string[]> {
  const ids: string[] = []
  while (ids.length < count) {
    const events = Array.from({ length: Math.min(500, count - ids.length) }, () => pipeline.event({ type, accountId }))
    const { data } = await pipeline.producer.expect<{ data: { id: string }[] }>('POST', '/v1/events/batch', { events })
    ids.push(...data.map(({ id }) => id))
  }
  return ids
}

const ask = (client: ApiClient, webhook: Pick<WebhookCreated, 'id'>, body: object) =>
  client.request<ReplayView & ProblemView>('POST', `/v1/webhooks/${webhook.id}/replays`, {
    since: minuteAgo(),
    ...body,
  })

async function start(client: ApiClient, webhook: Pick<WebhookCreated, 'id'>, body: object): Promise<ReplayView> {
  const { status, body: replay } = await ask(client, webhook, body)
  expect(status, JSON.stringify(replay)).toBe(202)
  return replay
}

const look = (client: ApiClient, { id }: { id: string }) => client.expect<ReplayView>('GET', `/v1/replays/${id}`)

const untilState = (client: ApiClient, replay: { id: string }, state: string, timeoutMs = 60_000) =>
  eventually(async () => {
    const seen = await look(client, replay)
    expect(seen).toMatchObject({ state })
    return seen
  }, timeoutMs)

const command = (client: ApiClient, { id }: { id: string }, name: 'pause' | 'resume' | 'cancel') =>
  client.request<ReplayView & ProblemView>('POST', `/v1/replays/${id}/${name}`)

const eventIdsAt = (at: string) => receiver.at(at).map(({ eventId }) => eventId)

async function deliveriesOf(client: ApiClient, webhook: Pick<WebhookCreated, 'id'>): Promise<DeliveryView[]> {
  const list = await client.expect<{ data: DeliveryView[] }>('GET', `/v1/webhooks/${webhook.id}/deliveries?limit=100`)
  return list.data
}

/** A webhook whose deliveries lie in the same partitions as another one's. */
async function webhookBeside(other: WebhookCreated, client: ApiClient, url: string): Promise<WebhookCreated> {
  const partitionOf = ({ id }: WebhookCreated): number => partitionOfKey(Buffer.from(id), PARTITIONS)
  for (;;) {
    const webhook = await client.createWebhook(url, ['context.updated'])
    if (partitionOf(webhook) === partitionOf(other)) return webhook
    await client.expect('DELETE', `/v1/webhooks/${webhook.id}`)
  }
}

describe('a replay', () => {
  it('brings a new webhook what happened before it was created, under the same event ids, and nothing twice', async () => {
    const { id: accountId, client } = await newOwner()
    const before = await publish(accountId, 60)
    const others = await publish(accountId, 5, 'context.deleted')
    const at = path()
    const webhook = await newcomer({ id: accountId, client }, receiver.url(at))

    const replay = await start(client, webhook, { only: 'missed' })
    const done = await untilState(client, replay, 'done')

    expect(done).toMatchObject({ matched: 60, sent: 60 })
    await eventually(() => expect(eventIdsAt(at).sort()).toEqual([...before].sort()))
    await eventually(async () => {
      const deliveries = await deliveriesOf(client, webhook)
      expect(deliveries).toHaveLength(60)
      expect(new Set(deliveries.map(({ status, trigger }) => `${status} ${trigger}`))).toEqual(
        new Set(['delivered replay']),
      )
    })
    // Now nothing is missed any more; the other type only when it is asked for.
    expect(await untilState(client, await start(client, webhook, { only: 'missed' }), 'done')).toMatchObject({
      sent: 0,
    })
    const typed = await start(client, webhook, { only: 'all', types: ['context.deleted'] })
    expect(await untilState(client, typed, 'done')).toMatchObject({ matched: 5, sent: 5 })
    await eventually(() => expect(eventIdsAt(at).sort()).toEqual([...before, ...others].sort()))
  })

  it('of what failed sends that and nothing else, as a chain of its own with its own retries', async () => {
    const { id: accountId, client } = await newOwner()
    const at = path()
    const broken = new Set<string>()
    let isMended = false
    const webhook = await client.createWebhook(
      receiver.url(at, ({ eventId, attempt }) => (broken.has(eventId) && (!isMended || attempt < 2) ? 500 : 200)),
      ['context.updated'],
    )
    const ids = Array.from({ length: 6 }, () => `evt_${randomUUID()}`)
    for (const id of ids.slice(0, 3)) broken.add(id)
    await Promise.all(ids.map((id) => pipeline.publish({ id, accountId })))
    await eventually(async () => {
      const statuses = (await deliveriesOf(client, webhook)).map(({ status }) => status).sort()
      expect(statuses).toEqual([...Array(3).fill('delivered'), ...Array(3).fill('exhausted')])
    })
    isMended = true
    const soFar = receiver.at(at).length

    const replay = await start(client, webhook, { only: 'failed' })

    expect(await untilState(client, replay, 'done')).toMatchObject({ matched: 3, sent: 3 })
    await eventually(async () => {
      const deliveries = await deliveriesOf(client, webhook)
      expect(deliveries.every(({ status }) => status === 'delivered')).toBe(true)
      expect(
        deliveries
          .filter(({ trigger }) => trigger === 'replay')
          .map(({ event_id }) => event_id)
          .sort(),
      ).toEqual([...broken].sort())
    })
    const again = receiver.at(at).slice(soFar)
    expect(again.map(({ eventId, attempt }) => `${eventId} ${attempt}`).sort()).toEqual(
      [...broken].flatMap((id) => [`${id} 1`, `${id} 2`]).sort(),
    )
  })

  it('brings what was missed while the webhook was disabled, once it is back', async () => {
    const { id: accountId, client } = await newOwner()
    const at = path()
    const webhook = await client.createWebhook(receiver.url(at), ['context.updated'])
    const delivered = await publish(accountId, 3)
    await eventually(() => expect(receiver.at(at)).toHaveLength(3))
    await client.expect('PATCH', `/v1/webhooks/${webhook.id}`, { is_active: false })
    const missed = await publish(accountId, 20)
    const refused = await ask(client, webhook, { only: 'missed' })
    expect(refused.status).toBe(409)
    expect(refused.body.detail).toContain('is_active')
    await client.expect('PATCH', `/v1/webhooks/${webhook.id}`, { is_active: true })

    const replay = await start(client, webhook, { only: 'missed' })

    expect(await untilState(client, replay, 'done')).toMatchObject({ matched: 20, sent: 20 })
    await eventually(() => expect(eventIdsAt(at).sort()).toEqual([...delivered, ...missed].sort()))
  })

  it('as a dry run counts, and leaves nothing behind', async () => {
    const { id: accountId, client } = await newOwner()
    await publish(accountId, 7)
    const at = path()
    const webhook = await newcomer({ id: accountId, client }, receiver.url(at))
    await eventually(async () => {
      const { status, body } = await ask(client, webhook, { only: 'missed', dry_run: true })
      expect(status).toBe(200)
      expect(body).toEqual({ matched: 7 })
    })
    // Whatever a dry run had started would be over before this one.
    const marker = await start(client, webhook, { only: 'failed' })
    await untilState(client, marker, 'done')
    expect(receiver.at(at)).toEqual([])
  })

  it('that matches nothing says so, at once and in the end', async () => {
    const { client } = await newOwner()
    const webhook = await client.createWebhook(receiver.url(path()), ['context.updated'])
    const dry = await ask(client, webhook, { only: 'all', dry_run: true })
    expect(dry.body).toMatchObject({ matched: 0, detail: expect.stringContaining('Nothing matches') as string })
    const replay = await start(client, webhook, { only: 'all' })
    expect(replay).toMatchObject({ matched: 0, detail: expect.stringContaining('Nothing matches') as string })
    const done = await untilState(client, replay, 'done')
    expect(done).toMatchObject({ sent: 0, detail: expect.stringContaining('Nothing matches') as string })
  })

  it('can be paused, outlives kill -9 of the API, and goes on when it is resumed: everything arrives once', async () => {
    const { id: accountId, client } = await newOwner()
    const ids = await publish(accountId, 1_200)
    const at = path()
    const webhook = await newcomer({ id: accountId, client }, receiver.url(at))
    const replay = await start(client, webhook, { only: 'missed', rate_per_second: 200 })
    await eventually(async () => expect((await look(client, replay)).sent).toBeGreaterThanOrEqual(200))
    await killApi()

    // Another process took over what the killed one held.
    const sentBefore = (await look(client, replay)).sent
    await eventually(async () => expect((await look(client, replay)).sent).toBeGreaterThan(sentBefore))

    const paused = await command(client, replay, 'pause')
    expect(paused).toMatchObject({ status: 200, body: { state: 'paused' } })
    const refused = await command(client, replay, 'pause')
    expect(refused).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('paused already') as string },
    })
    await killApi()
    const rested = await look(client, replay)
    expect(rested.state).toBe('paused')
    expect(rested.sent).toBeLessThan(1_200)

    expect(await command(client, replay, 'resume')).toMatchObject({ status: 200, body: { state: 'running' } })
    await untilState(client, replay, 'done')

    await eventually(() => expect(new Set(eventIdsAt(at)).size).toBe(1_200))
    expect(new Set(eventIdsAt(at))).toEqual(new Set(ids))
    expect(receiver.at(at)).toHaveLength(1_200)
    expect((await command(client, replay, 'cancel')).body.detail).toContain('The replay is done')
  })

  it('that is cancelled ends, with what it had sent', async () => {
    const { id: accountId, client } = await newOwner()
    await publish(accountId, 300)
    const at = path()
    const webhook = await newcomer({ id: accountId, client }, receiver.url(at))
    const replay = await start(client, webhook, { only: 'missed', rate_per_second: 20 })
    await eventually(() => expect(receiver.at(at).length).toBeGreaterThan(0))

    expect(await command(client, replay, 'cancel')).toMatchObject({ status: 200, body: { state: 'cancelled' } })

    // A second one brings the rest, which shows that the first has stopped. Both may ask for what was under way.
    const rest = await start(client, webhook, { only: 'missed', rate_per_second: 1_000 })
    const { sent } = await untilState(client, rest, 'done')
    // The page that was planned when it was cancelled is finished, and counted when it is.
    const first = await eventually(async () => {
      const cancelled = await look(client, replay)
      expect(sent + cancelled.sent).toBeGreaterThanOrEqual(300)
      return cancelled
    })
    expect(first.state).toBe('cancelled')
    expect(first.sent).toBeLessThan(150)
    await eventually(() => expect(new Set(eventIdsAt(at)).size).toBe(300))
    expect(receiver.at(at)).toHaveLength(300)
    for (const name of ['pause', 'resume', 'cancel'] as const) {
      expect(await command(client, replay, name)).toMatchObject({
        status: 409,
        body: { detail: expect.stringContaining('was cancelled') as string },
      })
    }
  })

  it('lets live traffic go first in the same lane, also when its receiver is slower than it', async () => {
    const { id: accountId, client } = await newOwner()
    await publish(accountId, 600)
    const at = path()
    const slow = () => new Promise<number>((resolve) => setTimeout(() => resolve(200), 300))
    const webhook = await newcomer({ id: accountId, client }, receiver.url(at, slow), [
      'context.updated',
      'context.deleted',
    ])
    const replay = await start(client, webhook, { only: 'missed', types: ['context.updated'], rate_per_second: 1_000 })
    await untilState(client, replay, 'done')
    await eventually(() => expect(receiver.at(at).length).toBeGreaterThan(10))

    const live = await publish(accountId, 10, 'context.deleted')

    await eventually(() => expect(eventIdsAt(at)).toEqual(expect.arrayContaining(live)))
    const seen = receiver.at(at).length
    expect(seen).toBeLessThan(610)
    await eventually(() => expect(new Set(eventIdsAt(at)).size).toBe(610), 120_000)
    // Not one was put off to a tier, whatever its lane could hold.
    const waited = await readTopics(pipeline.kafkaBrokers, [`${pipeline.topicPrefix}deliveries.retry-1s`])
    expect(waited.filter(({ key }) => key === webhook.id)).toEqual([])
  })

  it('goes no faster than its receiver, so that little is left to come when it is cancelled', async () => {
    const { id: accountId, client } = await newOwner()
    await publish(accountId, 1_500)
    const at = path()
    const slow = () => new Promise<number>((resolve) => setTimeout(() => resolve(200), 1_000))
    const webhook = await newcomer({ id: accountId, client }, receiver.url(at, slow))
    const replay = await start(client, webhook, { only: 'missed', rate_per_second: 100 })
    const twoSeconds = 200

    let mostAhead = 0
    await eventually(async () => {
      const { sent } = await look(client, replay)
      mostAhead = Math.max(mostAhead, sent - receiver.at(at).length)
      expect(sent).toBeGreaterThan(twoSeconds)
    }, 60_000)
    expect(mostAhead).toBeLessThanOrEqual(twoSeconds)
    expect(await command(client, replay, 'cancel')).toMatchObject({ status: 200 })
    const seen = receiver.at(at).length

    // A page may have been under way.
    const { sent } = await eventually(async () => {
      const view = await look(client, replay)
      const arrived = new Set(eventIdsAt(at)).size
      expect(arrived).toBe(view.sent)
      return view
    }, 120_000)
    expect(sent).toBeLessThanOrEqual(seen + twoSeconds + 100)
  })

  it('to a receiver that hangs holds up nobody else’s, also where both are in one partition', async () => {
    const hanging = await newOwner()
    await publish(hanging.id, 300)
    const at = path()
    const stuck = await newcomer(
      hanging,
      receiver.url(at, () => 'hang'),
      ['context.updated'],
    )
    await untilState(
      hanging.client,
      await start(hanging.client, stuck, { only: 'missed', rate_per_second: 1_000 }),
      'done',
    )
    await eventually(() => expect(receiver.at(at).length).toBeGreaterThan(0))

    const { id: accountId, client } = await newOwner()
    const ids = await publish(accountId, 50)
    const neighbourAt = path()
    const neighbour = await webhookBeside(stuck, client, receiver.url(neighbourAt))
    await start(client, neighbour, { only: 'missed', rate_per_second: 1_000 })

    await eventually(() => expect(eventIdsAt(neighbourAt).sort()).toEqual([...ids].sort()))
    expect(new Set(eventIdsAt(at)).size).toBeLessThan(150)
    await hanging.client.expect('DELETE', `/v1/webhooks/${stuck.id}`)
  })

  it('stops when its webhook is disabled, and ends when that is deleted', async () => {
    const { id: accountId, client } = await newOwner()
    await publish(accountId, 200)
    const webhook = await newcomer({ id: accountId, client }, receiver.url(path()))
    const replay = await start(client, webhook, { only: 'missed', rate_per_second: 10 })
    await untilState(client, replay, 'running')
    await client.expect('PATCH', `/v1/webhooks/${webhook.id}`, { is_active: false })
    const paused = await untilState(client, replay, 'paused')
    expect(paused.detail).toContain('disabled')
    expect(await command(client, replay, 'resume')).toMatchObject({ status: 409 })
    await client.expect('PATCH', `/v1/webhooks/${webhook.id}`, { is_active: true })
    expect(await command(client, replay, 'resume')).toMatchObject({ status: 200, body: { detail: null } })
    await client.expect('DELETE', `/v1/webhooks/${webhook.id}`)
    expect(await untilState(client, replay, 'cancelled')).toMatchObject({ detail: 'The webhook was deleted.' })
  })
})

describe('bad input', () => {
  it('is answered with what to do', async () => {
    const { client } = await newOwner()
    const stranger = (await newOwner()).client
    const webhook = await client.createWebhook(receiver.url(path()), ['context.updated'])
    const deleted = await client.createWebhook(receiver.url(path()), ['context.updated'])
    await client.expect('DELETE', `/v1/webhooks/${deleted.id}`)
    const replay = await start(client, webhook, { only: 'all' })

    for (const [who, where] of [
      [stranger, webhook],
      [client, deleted],
      [client, { id: 'whk_1' }],
    ] as const) {
      expect((await ask(who, where, { only: 'all' })).status).toBe(404)
    }
    for (const id of [replay.id, 'rpl_1', `rpl_${'0'.repeat(32)}`]) {
      expect((await stranger.request('GET', `/v1/replays/${id}`)).status).toBe(404)
      expect((await command(stranger, { id }, 'cancel')).status).toBe(404)
    }
    const hours = (n: number) => new Date(Date.now() + n * 3_600_000).toISOString()
    for (const [body, pointer, words] of [
      [{ since: hours(-1), until: hours(-2), only: 'all' }, '/since', 'before until'],
      [{ since: hours(1), only: 'all' }, '/since', 'before now'],
      [{ since: hours(-31 * 24), only: 'all' }, '/since', '30d'],
      [{ since: 'yesterday', only: 'all' }, '/since', 'RFC 3339'],
      [{ only: 'some' }, '/only', ''],
      [{}, '/only', 'missed'],
      [{ only: 'all', types: [] }, '/types', 'at least one'],
      [{ only: 'all', types: ['context.read'] }, '/types/0', ''],
      [{ only: 'all', rate_per_second: 1_001 }, '/rate_per_second', ''],
      [{ only: 'all', rate_per_second: 0 }, '/rate_per_second', ''],
      [{ only: 'all', speed: 1 }, '/speed', 'known'],
    ] as const) {
      const answer = await ask(client, webhook, body)
      expect(answer.status).toBe(422)
      expect(answer.body.errors).toMatchObject([{ pointer, detail: expect.stringContaining(words) as string }])
    }
  })
})

async function killApi(): Promise<void> {
  const api = pipeline.service('api')
  const { pid, ended } = api
  process.kill(pid, 'SIGKILL')
  expect(await ended).toEqual({ code: null, signal: 'SIGKILL' })
  await api.startAgain()
}
