import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodeFact } from '#topics'
import { OwnedReceiver, type OwnedRequest } from './ledger/owned-receiver.js'
import { type BegunRequest, disorderlyTakeovers, takeoversIn } from './ledger/ownership.js'
import { eventually } from './support/eventually.js'
import { Pipeline } from './support/pipeline.js'
import { readTopics } from './support/topics.js'

const WEBHOOKS = 24
/** Times the webhooks: 240 deliveries/s. */
const POST_EVERY_MS = 100
/** Between a change of the members and the next. */
const CALM_MS = 5_000
/** An attempt's five seconds, and what a busy machine needs to notice. */
const LONGEST_OVERLAP_MS = 5_250
const REPEATS_ALLOWED = 0.005

let pipeline: Pipeline
let receiver: OwnedReceiver
const pids: number[] = []
const accepted: string[] = []
const changes: number[] = []

beforeAll(async () => {
  pipeline = await Pipeline.start()
  pids.push(pipeline.service('dispatcher').pid)
  // Every sixth webhook is slow enough to have requests under way whenever it changes hands.
  const patience = (path: string) => (Number(path.slice(1)) % 6 === 0 ? 400 : 0)
  receiver = await OwnedReceiver.start(() => pids, patience)
})
afterAll(async () => {
  await pipeline?.stop()
  await receiver?.stop()
})

async function change(members: () => Promise<unknown>): Promise<void> {
  await sleep(CALM_MS)
  changes.push(Date.now())
  await members()
}

const join = (instance: string) => async () => {
  const joining = pipeline.add('dispatcher', instance)
  await eventually(() => pids.push(pipeline.service(instance).pid))
  await joining
}

/** Posts at a steady rate until `whatHappens` is over and calm has returned. */
async function underLoad(whatHappens: () => Promise<void>): Promise<void> {
  let isOver = false
  const load = (async () => {
    while (!isOver) {
      accepted.push((await pipeline.publish()).id)
      await sleep(POST_EVERY_MS)
    }
  })()
  await whatHappens()
  await sleep(CALM_MS)
  isOver = true
  await load
}

/** With the time at which its process began each attempt, as the log tells it. */
async function begun(requests: OwnedRequest[]): Promise<BegunRequest[]> {
  const records = await readTopics(pipeline.kafkaBrokers, [`${pipeline.topicPrefix}delivery-log`])
  const starts = new Map<string, number[]>()
  for (const fact of records.map(decodeFact)) {
    if (fact.kind !== 'attempted') continue
    const key = `${fact.delivery.deliveryId}/${fact.number}`
    starts.set(key, [...(starts.get(key) ?? []), fact.startedAt])
  }
  return requests.map((request) => {
    const before = (starts.get(`${request.deliveryId}/${request.attempt}`) ?? []).filter((at) => at <= request.at)
    return { ...request, startedAt: Math.max(...before) }
  })
}

const isLinux = process.platform === 'linux'

describe.runIf(isLinux)('while dispatchers join and leave under load', () => {
  it('nothing is lost, little is repeated, and no webhook is called by two but for what is under way', async () => {
    for (let i = 0; i < WEBHOOKS; i++) {
      await pipeline.owner.createWebhook(`${receiver.origin}/${i}`, ['context.updated'])
    }
    await underLoad(async () => {
      await change(join('dispatcher-2'))
      await change(join('dispatcher-3'))
      await change(() => pipeline.service('dispatcher').stop())
    })

    const keyOf = ({ path, eventId }: OwnedRequest) => `${path} ${eventId}`
    const attemptOf = ({ path, eventId, attempt }: OwnedRequest) => `${path} ${eventId} ${attempt}`
    const arrived = () => new Set(receiver.requests.map(keyOf))
    await eventually(() => expect(arrived().size).toBe(accepted.length * WEBHOOKS), 60_000)
    const expected = accepted.flatMap((id) => Array.from({ length: WEBHOOKS }, (_, i) => `/${i} ${id}`))
    const pairs = arrived()
    expect(expected.filter((pair) => !pairs.has(pair))).toEqual([])
    const repeats = receiver.requests.length - new Set(receiver.requests.map(attemptOf)).size
    expect(repeats / pairs.size, `${repeats} repeats of ${pairs.size}`).toBeLessThan(REPEATS_ALLOWED)

    const requests = await eventually(async () => {
      const all = await begun(receiver.requests)
      expect(all.filter(({ startedAt }) => !Number.isFinite(startedAt))).toEqual([])
      return all
    })
    expect(new Set(requests.map(({ pid }) => pid))).toEqual(new Set(pids))
    const takeovers = takeoversIn(requests)
    expect(takeovers.length).toBeGreaterThan(0)
    expect(disorderlyTakeovers(takeovers, changes)).toEqual([])
    expect(Math.max(...takeovers.map(({ overlapMs }) => overlapMs))).toBeLessThan(LONGEST_OVERLAP_MS)
  })
})
