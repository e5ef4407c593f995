import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventually } from './support/eventually.js'
import { Pipeline } from './support/pipeline.js'
import { Receiver } from './support/receiver.js'

const WEBHOOKS = 20
const EVENTS = 2_000
const PER_BATCH = 100
/** The dispatcher is killed when the receiver has seen so many requests since it was last ready. */
const REQUESTS_BEFORE_KILL = 2_000
const KILLS = 3

let pipeline: Pipeline
let receiver: Receiver

beforeAll(async () => {
  ;[pipeline, receiver] = await Promise.all([Pipeline.start(), Receiver.start()])
})
afterAll(async () => {
  await pipeline?.stop()
  await receiver?.stop()
})

it('loses nothing when the dispatcher is killed three times under load', async () => {
  for (let i = 0; i < WEBHOOKS; i++) {
    await pipeline.owner.createWebhook(receiver.url(`/crash/${i}`), ['context.updated'])
  }
  const accepted: string[] = []
  while (accepted.length < EVENTS) {
    const events = Array.from({ length: PER_BATCH }, () => pipeline.event())
    const { data } = await pipeline.producer.expect<{ data: { id: string }[] }>('POST', '/v1/events/batch', { events })
    accepted.push(...data.map(({ id }) => id))
  }

  const dispatcher = pipeline.service('dispatcher')
  for (let kill = 0; kill < KILLS; kill++) {
    const seen = receiver.requests.length
    await eventually(() => expect(receiver.requests.length).toBeGreaterThan(seen + REQUESTS_BEFORE_KILL), 60_000)
    const { pid, ended } = dispatcher
    process.kill(pid, 'SIGKILL')
    expect(await ended).toEqual({ code: null, signal: 'SIGKILL' })
    expect(() => process.kill(pid, 0)).toThrow('ESRCH')
    await dispatcher.startAgain()
  }
  // All three kills came while there was work left: none of them was idle.
  expect(receiver.requests.length).toBeLessThan(EVENTS * WEBHOOKS)

  const pairs = new Set<string>()
  let read = 0
  await eventually(() => {
    for (; read < receiver.requests.length; read++) {
      const { path, eventId } = receiver.requests[read]!
      pairs.add(`${path} ${eventId}`)
    }
    expect(pairs.size).toBe(EVENTS * WEBHOOKS)
  }, 120_000)
  const expected = accepted.flatMap((id) => Array.from({ length: WEBHOOKS }, (_, i) => `/crash/${i} ${id}`))
  expect(expected.filter((pair) => !pairs.has(pair))).toEqual([])
}, 240_000)
