import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventually } from './support/eventually.js'
import { Pipeline } from './support/pipeline.js'
import { Receiver } from './support/receiver.js'

const WEBHOOKS = 20
const EVENTS = 2_000
const PER_BATCH = 50
/** Spread over the load: after these many events were accepted the dispatcher is killed. */
const KILLS_AFTER = [400, 1_000, 1_600]

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
  const dispatcher = pipeline.service('dispatcher')
  const accepted: string[] = []
  const kills = [...KILLS_AFTER]
  let restarts: Promise<void> = Promise.resolve()
  while (accepted.length < EVENTS) {
    const events = Array.from({ length: PER_BATCH }, () => pipeline.event())
    const { data } = await pipeline.producer.expect<{ data: { id: string }[] }>('POST', '/v1/events/batch', { events })
    accepted.push(...data.map(({ id }) => id))
    if (accepted.length >= (kills[0] ?? Infinity)) {
      kills.shift()
      await restarts
      const { pid, ended } = dispatcher
      process.kill(pid, 'SIGKILL')
      expect(await ended).toEqual({ code: null, signal: 'SIGKILL' })
      expect(() => process.kill(pid, 0)).toThrow('ESRCH')
      restarts = dispatcher.startAgain()
    }
  }
  await restarts
  expect(kills).toEqual([])

  const pairs = () => new Set(receiver.requests.map(({ path, eventId }) => `${path} ${eventId}`))
  await eventually(() => expect(pairs().size).toBe(EVENTS * WEBHOOKS), 120_000)
  const expected = accepted.flatMap((id) => Array.from({ length: WEBHOOKS }, (_, i) => `/crash/${i} ${id}`))
  expect(expected.filter((pair) => !pairs().has(pair))).toEqual([])
})
