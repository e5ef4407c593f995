import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually } from './support/eventually.js'
import { type GuideReceiver, startGuideReceiver } from './support/guide-receiver.js'
import { Pipeline } from './support/pipeline.js'

const RECEIVERS = 8
const EVENTS_PER_SECOND = 10
/** Longer than the test, which is about the time in which both are valid. */
const OVERLAP_S = 600

let pipeline: Pipeline
let receivers: GuideReceiver[]

beforeAll(async () => {
  ;[pipeline, receivers] = await Promise.all([
    Pipeline.start({ dispatchers: 2 }),
    Promise.all(Array.from({ length: RECEIVERS }, startGuideReceiver)),
  ])
})
afterAll(async () => {
  await pipeline?.stop()
  for (const receiver of receivers ?? []) await receiver.stop()
})

const timeOf = (at: number) => eventually(() => expect(Date.now()).toBeGreaterThanOrEqual(at))

const acceptedBy = ({ answers }: GuideReceiver) =>
  new Set(answers.filter(({ status }) => status === 200).map(({ eventId }) => eventId))

async function deliveriesOf(webhookId: string): Promise<{ event_id: string; status: string }[]> {
  const all: { event_id: string; status: string }[] = []
  for (let cursor: string | null = ''; cursor !== null;) {
    const query: string = `limit=100${cursor && `&cursor=${cursor}`}`
    const page: { data: typeof all; next_cursor: string | null } = await pipeline.owner.expect(
      'GET',
      `/v1/webhooks/${webhookId}/deliveries?${query}`,
    )
    all.push(...page.data)
    cursor = page.next_cursor
  }
  return all
}

describe('a rotation of many webhooks on two dispatchers', () => {
  it('loses nothing when one of them is killed while some receivers have switched and some have not', async () => {
    const webhooks = await Promise.all(
      receivers.map(async (receiver) => {
        const webhook = await pipeline.owner.createWebhook(receiver.url, ['context.updated'])
        receiver.useSecret(webhook.secret)
        return webhook
      }),
    )
    const published: string[] = []
    let isStopped = false
    const publishing = (async () => {
      const startedAt = Date.now()
      while (!isStopped) {
        published.push((await pipeline.publish()).id)
        await timeOf(startedAt + (published.length * 1_000) / EVENTS_PER_SECOND)
      }
    })()
    const someMoreEverywhere = async () => {
      const from = published.length
      await eventually(() => {
        expect(published.length).toBeGreaterThan(from + EVENTS_PER_SECOND)
        const more = published.slice(from, from + EVENTS_PER_SECOND)
        for (const receiver of receivers) expect([...acceptedBy(receiver)]).toEqual(expect.arrayContaining(more))
      })
    }
    await someMoreEverywhere()

    const secrets = await Promise.all(
      webhooks.map(({ id }) =>
        pipeline.owner.expect<{ secret: string }>('POST', `/v1/webhooks/${id}/rotate-secret`, {
          overlap_seconds: OVERLAP_S,
        }),
      ),
    )
    receivers.forEach((receiver, i) => i % 2 === 0 && receiver.useSecret(secrets[i]!.secret))
    await someMoreEverywhere()

    const victim = pipeline.service('dispatcher-2')
    process.kill(victim.pid, 'SIGKILL')
    expect(await victim.ended).toEqual({ code: null, signal: 'SIGKILL' })
    // By the other one alone, then by both again.
    await someMoreEverywhere()
    await victim.startAgain()
    receivers.forEach((receiver, i) => receiver.useSecret(secrets[i]!.secret))
    await someMoreEverywhere()
    isStopped = true
    await publishing

    for (const [i, { id }] of webhooks.entries()) {
      await eventually(async () => {
        const deliveries = await deliveriesOf(id)
        expect(deliveries.map(({ event_id }) => event_id).sort()).toEqual([...published].sort())
        expect(deliveries.filter(({ status }) => status !== 'delivered')).toEqual([])
      })
      expect(acceptedBy(receivers[i]!)).toEqual(new Set(published))
    }
  })
})
