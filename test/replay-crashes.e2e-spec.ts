import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ApiClient } from './support/api-client.js'
import { eventually } from './support/eventually.js'
import { untilFannedOut } from './support/fanned-out.js'
import { Pipeline } from './support/pipeline.js'
import { Receiver } from './support/receiver.js'

const EVENTS = 5_000
/** The most that may be asked for: what a crash repeats is a page, and pages are as large as they get. */
const PER_SECOND = 1_000

interface ReplayView {
  id: string
  state: string
  matched: number
  sent: number
}

let pipeline: Pipeline
let receiver: Receiver
let database: pg.Client

beforeAll(async () => {
  ;[pipeline, receiver] = await Promise.all([Pipeline.start(), Receiver.start()])
  database = new pg.Client({ connectionString: pipeline.databaseUrl })
  await database.connect()
})
afterAll(async () => {
  await database?.end()
  await pipeline?.stop()
  await receiver?.stop()
})

async function publish(accountId: string, count: number): Promise<string[]> {
  const ids: string[] = []
  while (ids.length < count) {
    const events = Array.from({ length: Math.min(500, count - ids.length) }, () => pipeline.event({ accountId }))
    const { data } = await pipeline.producer.expect<{ data: { id: string }[] }>('POST', '/v1/events/batch', { events })
    ids.push(...data.map(({ id }) => id))
  }
  return ids
}

const path = () => `/replay-crashes/${randomUUID()}`

const start = (client: ApiClient, webhookId: string, only: string) =>
  client.expect<ReplayView>('POST', `/v1/webhooks/${webhookId}/replays`, {
    since: new Date(Date.now() - 600_000).toISOString(),
    only,
    rate_per_second: PER_SECOND,
  })

const look = (client: ApiClient, { id }: { id: string }) => client.expect<ReplayView>('GET', `/v1/replays/${id}`)

const command = (client: ApiClient, { id }: { id: string }, name: 'pause' | 'resume' | 'cancel') =>
  client.expect<ReplayView>('POST', `/v1/replays/${id}/${name}`)

const untilSent = (client: ApiClient, replay: { id: string }, count: number) =>
  eventually(async () => expect((await look(client, replay)).sent).toBeGreaterThanOrEqual(count), 60_000)

const untilState = (client: ApiClient, replay: { id: string }, state: string) =>
  eventually(async () => {
    const seen = await look(client, replay)
    expect(seen).toMatchObject({ state })
    return seen
  }, 60_000)

/** Once the page that was under way is sent, and has arrived: `sent` alone does not tell of one that is not begun. */
const untilAtRest = (client: ApiClient, replay: { id: string }, at: string, others = 0) =>
  eventually(async () => {
    const { rows } = await database.query('select page is null as rests from replays where id = $1', [replay.id])
    expect(rows).toEqual([{ rests: true }])
    const seen = await look(client, replay)
    expect(receiver.at(at)).toHaveLength(seen.sent + others)
    return seen
  })

/** How often each event came, by its id. */
function arrivals(at: string): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { eventId } of receiver.at(at)) counts.set(eventId, (counts.get(eventId) ?? 0) + 1)
  return counts
}

/** Once all of these events came that often at least, none of them more often, and nothing else came. */
async function untilEachCame(at: string, ids: string[], times: number): Promise<void> {
  await eventually(() => expect(receiver.at(at).length).toBeGreaterThanOrEqual(ids.length * times), 60_000)
  const counts = arrivals(at)
  expect([...counts].filter(([, count]) => count !== times)).toEqual([])
  expect(new Set(counts.keys())).toEqual(new Set(ids))
}

async function killApi(): Promise<void> {
  const api = pipeline.service('api')
  process.kill(api.pid, 'SIGKILL')
  expect(await api.ended).toEqual({ code: null, signal: 'SIGKILL' })
  await api.startAgain()
}

describe('a replay of thousands of events', () => {
  it('that is killed, paused, killed in its pause, resumed and cancelled sent each event once; another brings the rest', async () => {
    const { id: accountId, client } = await pipeline.newAccount()
    const missed = await publish(accountId, EVENTS)
    await untilFannedOut(pipeline, receiver, { id: accountId, client })
    const at = path()
    const webhook = await client.createWebhook(receiver.url(at), ['context.updated'])
    const replay = await start(client, webhook.id, 'missed')
    await untilSent(client, replay, 500)
    await killApi()
    const sentBefore = (await look(client, replay)).sent
    await untilSent(client, replay, sentBefore + 1)

    expect(await command(client, replay, 'pause')).toMatchObject({ state: 'paused' })
    await killApi()
    // The page that was under way is finished, and nothing after it: the event that is accepted now comes alone.
    const rested = await untilAtRest(client, replay, at)
    expect(rested).toMatchObject({ state: 'paused' })
    expect(rested.sent).toBeLessThan(EVENTS)
    const live = (await pipeline.publish({ accountId })).id
    await eventually(() => expect(arrivals(at).get(live)).toBe(1))
    expect(receiver.at(at)).toHaveLength(rested.sent + 1)

    await command(client, replay, 'resume')
    await untilSent(client, replay, rested.sent + 1)
    expect(await command(client, replay, 'cancel')).toMatchObject({ state: 'cancelled' })
    const cancelled = await untilAtRest(client, replay, at, 1)
    expect(cancelled).toMatchObject({ state: 'cancelled', matched: EVENTS })
    expect(cancelled.sent).toBeLessThan(EVENTS)

    const rest = await start(client, webhook.id, 'missed')
    expect(await untilState(client, rest, 'done')).toMatchObject({ sent: EVENTS - cancelled.sent })
    await untilEachCame(at, [...missed, live], 1)
  })

  it('that were delivered sends each once more, also when it is killed in the middle', async () => {
    const { id: accountId, client } = await pipeline.newAccount()
    const at = path()
    const webhook = await client.createWebhook(receiver.url(at), ['context.updated'])
    const delivered = await publish(accountId, EVENTS / 2)
    await untilEachCame(at, delivered, 1)
    const replay = await start(client, webhook.id, 'all')
    await untilSent(client, replay, 200)
    await killApi()
    expect(await untilState(client, replay, 'done')).toMatchObject({
      matched: EVENTS / 2,
      sent: EVENTS / 2,
    })
    await untilEachCame(at, delivered, 2)
  })
})
