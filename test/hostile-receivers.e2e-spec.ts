import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RawReceiver } from '../libs/egress/src/testing/raw-receiver.js'
import type { WebhookCreated } from './support/api-client.js'
import { type LoggedDelivery, loggedDeliveries } from './support/delivery-log.js'
import { eventually } from './support/eventually.js'
import { type HostileReceiver, startHostileReceivers } from './support/hostile-receivers.js'
import { Pipeline } from './support/pipeline.js'
import { Receiver } from './support/receiver.js'

const EVENTS = 30
const EVERY_MS = 250
// As many failures as open a circuit: nothing more comes until the schedule's first wait is over.
const LEAST_ATTEMPTS = 10
const DEADLINE_MS = 5_000
const LATE_MS = 250
// The receivers' clocks stop late: one busy process plays all of them.
const SEEN_LATE_MS = 500
// Of the neighbour's deliveries, from the acceptance of the event. Generous for a busy machine, and less than a wait for
// any hostile attempt would take.
const NEIGHBOUR_LATE_MS = 4_000
// What a second of an endless body, or one bomb unpacked, would exceed many times.
const MOST_GROWTH_BYTES = 128 * 1_024 * 1_024

let pipeline: Pipeline
let neighbour: Receiver
let elsewhere: RawReceiver
let hostile: HostileReceiver[]
const webhooks = new Map<string, WebhookCreated>()
const acceptedAt = new Map<string, number>()
let memoryBefore: number

beforeAll(async () => {
  ;[pipeline, neighbour, elsewhere] = await Promise.all([
    Pipeline.start({ environment: { RETRY_SCHEDULE: '5m,5m,5m,5m,5m', RATE_LIMIT_PER_KEY: '10000/s' } }),
    Receiver.start(),
    RawReceiver.start({}),
  ])
  hostile = await startHostileReceivers(`https://localhost:${elsewhere.port}/`)
  const owner = pipeline.owner
  await owner.createWebhook(neighbour.url('/neighbour'), ['context.created', 'context.updated'])
  for (const { name, url } of hostile) webhooks.set(name, await owner.createWebhook(url, ['context.updated'], name))
  // Before it is measured the dispatcher has done what it will do: its code is compiled, its heap has grown.
  await pipeline.producer.expect('POST', '/v1/events/batch', {
    events: Array.from({ length: 300 }, () => pipeline.event({ type: 'context.created' })),
  })
  await eventually(() => expect(neighbour.at('/neighbour')).toHaveLength(300))
  memoryBefore = dispatcherMemory()

  for (let count = 0; count < EVENTS; count++) {
    const at = Date.now()
    const { id } = await pipeline.publish()
    acceptedAt.set(id, at)
    // Steady traffic is the case: one event after another at its time.
    await sleep(Math.max(0, at + EVERY_MS - Date.now()))
  }
})

afterAll(async () => {
  await pipeline?.stop()
  await neighbour?.stop()
  await elsewhere?.stop()
  for (const receiver of hostile ?? []) await receiver.stop()
})

const kinds = [
  'does not accept',
  'stalls in TLS',
  'stalls before headers',
  'drips headers',
  'floods headers',
  'floods with 103',
  'drips its body',
  'sends a body without end',
  'sends a gzip bomb',
  'resets',
  'redirects on and on',
  'has a certificate of its own',
  'has an expired certificate',
  "has another's certificate",
]

it('all of them are there', () => {
  expect(hostile.map(({ name }) => name)).toEqual(kinds)
})

describe('a receiver that', () => {
  it.each(kinds)('%s: every attempt ends in time, and the log says why', async (kind) => {
    const { expected, raw } = hostile.find(({ name }) => name === kind)!
    const attempts = await eventually(async () => {
      const found = attemptsIn(await loggedDeliveries(pipeline.owner, webhooks.get(kind)!.id))
      expect(found.length).toBeGreaterThanOrEqual(expected.outcome === 'succeeded' ? EVENTS : LEAST_ATTEMPTS)
      return found
    })
    for (const { outcome, reason, response, duration_ms } of attempts) {
      const status = response?.status
      expect({ outcome, reason, ...(status !== undefined && { status }) }).toEqual(expected)
      expect(duration_ms).toBeLessThanOrEqual(DEADLINE_MS + LATE_MS)
      if (reason === 'timeout') expect(duration_ms).toBeGreaterThanOrEqual(DEADLINE_MS - 50)
    }
    if (raw) {
      expect(raw.lifetimes.length).toBeGreaterThanOrEqual(LEAST_ATTEMPTS)
      expect(Math.max(...raw.lifetimes)).toBeLessThanOrEqual(DEADLINE_MS + SEEN_LATE_MS)
    }
  })
})

it('none of a redirect is followed, and nothing is sent under a certificate that is not good', () => {
  expect(elsewhere.accepted).toBe(0)
  for (const { raw, expected } of hostile) if (expected.reason?.startsWith('tls')) expect(raw!.requests).toEqual([])
})

it('of an answer without end, or packed, 4 KiB are kept as they came', async () => {
  for (const kind of ['sends a body without end', 'sends a gzip bomb']) {
    const [delivery] = await loggedDeliveries(pipeline.owner, webhooks.get(kind)!.id)
    expect(delivery!.attempts[0]!.response!.body.length).toBeLessThanOrEqual(4_096)
  }
})

it('the neighbour gets every delivery once, and none of them late', async () => {
  const requests = await eventually(() => {
    const found = neighbour.at('/neighbour').filter(({ eventId }) => acceptedAt.has(eventId))
    expect(found).toHaveLength(EVENTS)
    return found
  })
  expect(new Set(requests.map(({ eventId }) => eventId)).size).toBe(EVENTS)
  const delays = requests.map(({ eventId, at }) => at - acceptedAt.get(eventId)!)
  expect(Math.max(...delays)).toBeLessThanOrEqual(NEIGHBOUR_LATE_MS)
})

it('the dispatcher needs no more memory for it', () => {
  expect(dispatcherMemory() - memoryBefore).toBeLessThanOrEqual(MOST_GROWTH_BYTES)
})

function attemptsIn(deliveries: LoggedDelivery[]): LoggedDelivery['attempts'] {
  return deliveries.flatMap(({ attempts }) => attempts)
}

/** The most that it ever had resident, in bytes: a peak between two looks counts. */
function dispatcherMemory(): number {
  const status = readFileSync(`/proc/${pipeline.service('dispatcher').pid}/status`, 'utf8')
  const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(status) ?? []
  return Number(kibibytes) * 1_024
}
