import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from './support/eventually.js'
import { Pipeline } from './support/pipeline.js'
import { type ReceivedRequest, Receiver, isSigned } from './support/receiver.js'
import { readTopics } from './support/topics.js'

/** Matches QUICK_SCHEDULE of the pipeline. */
const WAITS_MS = [1_000, 1_000, 2_000, 2_000, 3_000]
/** Jitter is up to a tenth of the wait; the rest is this machine being busy with everything else. */
const LATENESS_MS = 1_000

let pipeline: Pipeline
let receiver: Receiver

beforeAll(async () => {
  ;[pipeline, receiver] = await Promise.all([Pipeline.start(), Receiver.start()])
})
afterAll(async () => {
  await pipeline?.stop()
  await receiver?.stop()
})

function expectSpacing(requests: ReceivedRequest[]): void {
  for (const [i, request] of requests.slice(1).entries()) {
    const waited = request.at - requests[i]!.at
    expect(waited).toBeGreaterThanOrEqual(WAITS_MS[i]!)
    expect(waited).toBeLessThan(WAITS_MS[i]! * 1.1 + LATENESS_MS)
  }
}

describe('a receiver that fails', () => {
  it('twice gets the third attempt, at the configured spacing, with the very same bytes', async () => {
    const script = (_: unknown, earlier: unknown[]) => (earlier.length < 2 ? 500 : 200)
    const webhook = await pipeline.owner.createWebhook(receiver.url('/twice', script), ['context.updated'])
    await pipeline.publish()
    const requests = await eventually(() => {
      expect(receiver.at('/twice')).toHaveLength(3)
      return receiver.at('/twice')
    })
    expect(requests.map(({ attempt }) => attempt)).toEqual([1, 2, 3])
    expectSpacing(requests)
    for (const request of requests) {
      expect(request.body.equals(requests[0]!.body)).toBe(true)
      expect(request.headers['x-webhook-delivery']).toBe(requests[0]!.headers['x-webhook-delivery'])
      expect(isSigned(request, webhook.secret)).toBe(true)
    }
  })

  it('always gets six attempts in all, and the delivery goes to the dead letters', async () => {
    const webhook = await pipeline.owner.createWebhook(
      receiver.url('/always', () => 503),
      ['context.created'],
    )
    const event = await pipeline.publish({ type: 'context.created' })
    const delivery = await eventually(async () => {
      const { data } = await pipeline.owner.expect<{ data: { id: string; status: string }[] }>(
        'GET',
        `/v1/webhooks/${webhook.id}/deliveries`,
      )
      expect(data).toMatchObject([{ status: 'exhausted' }])
      return data[0]!
    })
    expect(receiver.at('/always').map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5, 6])
    expectSpacing(receiver.at('/always'))
    const { attempts } = await pipeline.owner.expect<{ attempts: unknown[] }>('GET', `/v1/deliveries/${delivery.id}`)
    expect(attempts).toHaveLength(6)
    const deadLetters = await readTopics(pipeline.kafkaBrokers, [`${pipeline.topicPrefix}deliveries.dead-letter`])
    expect(
      deadLetters.map(({ key, headers }) => [key, headers['event-id'], headers['dead-letter-reason']]),
    ).toContainEqual([webhook.id, event.id, 'exhausted'])
  })

  it('by hanging is given five seconds and then retried', async () => {
    const script = (_: unknown, earlier: unknown[]) => (earlier.length < 1 ? ('hang' as const) : 200)
    await pipeline.owner.createWebhook(receiver.url('/hangs', script), ['context.deleted'])
    await pipeline.publish({ type: 'context.deleted' })
    const [first, second] = await eventually(() => {
      expect(receiver.at('/hangs')).toHaveLength(2)
      return receiver.at('/hangs')
    })
    const waited = second!.at - first!.at
    expect(waited).toBeGreaterThanOrEqual(5_000 + WAITS_MS[0]! - 50)
    expect(waited).toBeLessThan(5_250 + WAITS_MS[0]! * 1.1 + LATENESS_MS)
  })

  it('with 410 is asked once and never again', async () => {
    const webhook = await pipeline.owner.createWebhook(
      receiver.url('/gone', () => 410),
      ['context.published'],
    )
    await pipeline.publish({ type: 'context.published' })
    await eventually(async () => {
      const { data } = await pipeline.owner.expect<{ data: unknown[] }>('GET', `/v1/webhooks/${webhook.id}/deliveries`)
      expect(data).toMatchObject([{ status: 'gone' }])
    })
    expect(receiver.at('/gone')).toHaveLength(1)
  })

  it('does not delay the neighbour on its host', async () => {
    await pipeline.owner.createWebhook(
      receiver.url('/stuck', () => 'hang'),
      ['context.unpublished'],
    )
    await pipeline.owner.createWebhook(receiver.url('/neighbour'), ['context.unpublished'])
    const posted = Date.now()
    for (let i = 0; i < 40; i++) await pipeline.publish({ type: 'context.unpublished' })
    await eventually(() => expect(receiver.at('/neighbour')).toHaveLength(40))
    // All of them before the first attempt at the stuck one can have ended.
    expect(receiver.at('/neighbour').at(-1)!.at - posted).toBeLessThan(5_000)
    expect(receiver.at('/stuck').length).toBeGreaterThan(0)
  })

  it('is not called any more once its webhook is deleted', async () => {
    const webhook = await pipeline.owner.createWebhook(
      receiver.url('/removed', () => 500),
      ['context.deleted'],
    )
    await pipeline.publish({ type: 'context.deleted' })
    await eventually(() => expect(receiver.at('/removed').length).toBeGreaterThan(0))
    await pipeline.owner.expect('DELETE', `/v1/webhooks/${webhook.id}`)
    const called = receiver.at('/removed').length
    await eventually(async () => {
      const records = await readTopics(pipeline.kafkaBrokers, [`${pipeline.topicPrefix}delivery-log`])
      const facts = records.map(({ value }) => JSON.parse(value!.toString()))
      expect(facts).toContainEqual(
        expect.objectContaining({
          kind: 'chain_ended',
          end: 'cancelled',
          delivery: expect.objectContaining({ webhookId: webhook.id }),
        }),
      )
    })
    expect(receiver.at('/removed')).toHaveLength(called)
  })
})
