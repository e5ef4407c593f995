import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from './support/eventually.js'
import { Pipeline } from './support/pipeline.js'
import { Receiver } from './support/receiver.js'

const WEBHOOKS = 30
const EVENTS = 2_000
const EVENTS_PER_REQUEST = 1_000
const NEIGHBOURS = 8

let pipeline: Pipeline
let receiver: Receiver

beforeAll(async () => {
  // With tiers as in production: what is put off does not come back within the test.
  const start = Pipeline.start({ environment: { RETRY_SCHEDULE: '10s,1m,6m,36m,3h36m' } })
  ;[pipeline, receiver] = await Promise.all([start, Receiver.start()])
})
afterAll(async () => {
  await pipeline?.stop()
  await receiver?.stop()
})

describe('a burst of one account', () => {
  it('is passed by: the others have their events long before it is delivered, and it is delivered to the last', async () => {
    const url = receiver.url('/burst')
    for (let i = 0; i < WEBHOOKS; i++) await pipeline.owner.createWebhook(url, ['context.updated'])
    const neighbours = await Promise.all(
      Array.from({ length: NEIGHBOURS }, async (_, i) => {
        const { id, client } = await pipeline.newAccount()
        await client.createWebhook(receiver.url(`/neighbour-${i}`), ['context.updated'])
        return { path: `/neighbour-${i}`, accountId: id }
      }),
    )
    const arrived = () => receiver.at('/burst').length

    const events = Array.from({ length: EVENTS_PER_REQUEST }, () => pipeline.event())
    for (let posted = 0; posted < EVENTS; posted += EVENTS_PER_REQUEST)
      await pipeline.producer.expect('POST', '/v1/events/batch', { events })
    await eventually(() => expect(arrived()).toBeGreaterThan(0))
    for (const { accountId } of neighbours) await pipeline.publish({ accountId })
    await eventually(() => {
      for (const { path } of neighbours) expect(receiver.at(path)).toHaveLength(1)
    })
    expect(arrived()).toBeLessThan((WEBHOOKS * EVENTS) / 3)

    await eventually(() => expect(arrived()).toBe(WEBHOOKS * EVENTS), 90_000)
    expect(new Set(receiver.at('/burst').map(({ eventId }) => eventId)).size).toBe(EVENTS)
    expect(await pipeline.metrics('dispatcher')).toMatch(/^webhooks_left_in_log_records\{.*\} 0$/m)
  })
})
