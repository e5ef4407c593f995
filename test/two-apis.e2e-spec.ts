import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../local/src/index.js'
import { ApiClient } from './support/api-client.js'
import { eventually } from './support/eventually.js'
import { untilFannedOut } from './support/fanned-out.js'
import { Pipeline } from './support/pipeline.js'
import { Receiver } from './support/receiver.js'

const EVENTS = 900
const PER_SECOND = 100
const APIS = ['api', 'api-2']

interface ReplayView {
  id: string
  state: string
  sent: number
}

let pipeline: Pipeline
let receiver: Receiver
let urls: Map<string, string>
let ids: string[]

beforeAll(async () => {
  ;[pipeline, receiver] = await Promise.all([Pipeline.start(), Receiver.start()])
  const port = String(await freePort())
  urls = new Map([
    ['api', pipeline.apiUrl],
    ['api-2', `http://127.0.0.1:${port}`],
  ])
  await pipeline.add('api', 'api-2', { API_PORT: port })
  const events = Array.from({ length: EVENTS }, () => pipeline.event())
  const { data } = await pipeline.producer.expect<{ data: { id: string }[] }>('POST', '/v1/events/batch', { events })
  ids = data.map(({ id }) => id).sort()
  await untilFannedOut(pipeline, receiver, { id: pipeline.account.id, client: pipeline.owner })
})
afterAll(async () => {
  await pipeline?.stop()
  await receiver?.stop()
})

/** The account's owner, who asks this process. */
const owner = (api: string) => new ApiClient(urls.get(api)!, pipeline.account.key)

const otherThan = (api: string) => APIS.find((each) => each !== api)!

/** How many deliveries of replays the process has handed on since it started. */
async function replayedBy(api: string): Promise<number> {
  const metrics = await pipeline.metrics(api)
  return Number(/^webhooks_replayed_deliveries_total(?:\{[^}]*\})? (\S+)$/m.exec(metrics)![1])
}

/** A replay of all events to a new webhook, which only one of the processes has begun to run. */
async function replayUnderWay(at: string) {
  const before = await Promise.all(APIS.map(replayedBy))
  const { id: webhookId } = await owner('api-2').createWebhook(receiver.url(at), ['context.updated'])
  const replay = await owner('api').expect<ReplayView>('POST', `/v1/webhooks/${webhookId}/replays`, {
    since: new Date(Date.now() - 600_000).toISOString(),
    only: 'missed',
    rate_per_second: PER_SECOND,
  })
  const runner = await eventually(async () => {
    expect(receiver.at(at).length).toBeGreaterThan(2 * PER_SECOND)
    const now = await Promise.all(APIS.map(replayedBy))
    return APIS.filter((_, i) => now[i]! > before[i]!)
  })
  expect(runner).toHaveLength(1)
  const other = otherThan(runner[0]!)
  return { replay, webhookId, runner: runner[0]!, other, otherBefore: before[APIS.indexOf(other)]! }
}

async function untilDone(api: string, { id }: { id: string }): Promise<void> {
  await eventually(async () => {
    const replay = await owner(api).expect<ReplayView>('GET', `/v1/replays/${id}`)
    expect(replay).toMatchObject({ state: 'done', sent: EVENTS })
  }, 60_000)
}

async function untilEachCameOnce(at: string): Promise<void> {
  await eventually(() => expect(receiver.at(at).length).toBeGreaterThanOrEqual(EVENTS))
  const came = receiver.at(at).map(({ eventId }) => eventId)
  expect(came.sort()).toEqual(ids)
}

describe('a replay beside two processes of the API', () => {
  it('is run by one of them, and by the other when that is killed: each event comes once', async () => {
    const at = '/killed'
    const { replay, webhookId, runner, other, otherBefore } = await replayUnderWay(at)
    expect(await replayedBy(other)).toBe(otherBefore)

    const { pid, ended } = pipeline.service(runner)
    process.kill(pid, 'SIGKILL')
    expect(await ended).toEqual({ code: null, signal: 'SIGKILL' })

    await eventually(async () => expect(await replayedBy(other)).toBeGreaterThan(otherBefore))
    // Back before it is done, and without a part in it.
    await pipeline.service(runner).startAgain()
    await untilDone(runner, replay)
    expect(await replayedBy(runner)).toBe(0)
    await untilEachCameOnce(at)
    await owner(other).expect('DELETE', `/v1/webhooks/${webhookId}`)
  })

  it('goes on in the other one when its own is stopped, sooner than after a kill', async () => {
    const at = '/stopped'
    const { replay, runner, other, otherBefore } = await replayUnderWay(at)

    await pipeline.service(runner).stop()
    const stoppedAt = Date.now()

    await eventually(async () => expect(await replayedBy(other)).toBeGreaterThan(otherBefore))
    // A process that says nothing more keeps what it runs for ten seconds.
    expect(Date.now() - stoppedAt).toBeLessThan(5_000)
    await untilDone(other, replay)
    await untilEachCameOnce(at)
  })
})
