import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TopicAdmin } from '#kafka'
import type { ApiClient } from './support/api-client.js'
import { eventually } from './support/eventually.js'
import { Pipeline } from './support/pipeline.js'
import { type AnswerScript, Receiver } from './support/receiver.js'
import { connectForTest, readTopics } from './support/topics.js'

/** Long enough for a redelivery, and a kill, while a retry waits; short enough to see a delivery exhausted. */
const SCHEDULE = '4s,4s,4s,4s,4s'

let pipeline: Pipeline
let receiver: Receiver
let owner: ApiClient

beforeAll(async () => {
  ;[pipeline, receiver] = await Promise.all([
    Pipeline.start({ environment: { RETRY_SCHEDULE: SCHEDULE } }),
    Receiver.start(),
  ])
  owner = pipeline.owner
})
afterAll(async () => {
  await pipeline?.stop()
  await receiver?.stop()
})

interface Delivery {
  id: string
  status: string
  trigger: string
  attempts_made: number
  attempts: { number: number; chain: number; trigger: string; outcome: string }[]
}

/** A webhook at a path of its own and the one delivery that an event makes for it. */
async function deliver(path: string, script: AnswerScript): Promise<{ webhookId: string; deliveryId: string }> {
  const webhook = await owner.createWebhook(receiver.url(path, script), ['context.updated'])
  const event = await pipeline.publish()
  const [delivery] = await eventually(async () => {
    const filter = `event_id=${event.id}`
    const list = await owner.expect<{ data: Delivery[] }>('GET', `/v1/webhooks/${webhook.id}/deliveries?${filter}`)
    expect(list.data).toHaveLength(1)
    expect(receiver.at(path).length).toBeGreaterThan(0)
    return list.data
  })
  return { webhookId: webhook.id, deliveryId: delivery!.id }
}

const read = (id: string) => owner.expect<Delivery>('GET', `/v1/deliveries/${id}`)
const redeliver = (id: string) => owner.request<{ chain: number }>('POST', `/v1/deliveries/${id}/redeliver`)

/** Once the read model tells of at least this many attempts. */
function attempted(id: string, attempts: number): Promise<Delivery> {
  return eventually(async () => {
    const delivery = await read(id)
    expect(delivery.attempts.length).toBeGreaterThanOrEqual(attempts)
    return delivery
  })
}

/** How each of the delivery's chains ended, as the log tells. */
async function endsOf(deliveryId: string): Promise<Record<number, string[]>> {
  const records = await readTopics(pipeline.kafkaBrokers, [`${pipeline.topicPrefix}delivery-log`])
  const ends: Record<number, string[]> = {}
  for (const { value } of records) {
    const fact = JSON.parse(value!.toString())
    const end = fact.kind === 'chain_ended' ? fact.end : fact.kind === 'attempted' ? fact.next.end : undefined
    if (fact.delivery?.deliveryId === deliveryId && end !== undefined) (ends[fact.delivery.chain] ??= []).push(end)
  }
  return ends
}

async function remove(webhookId: string): Promise<void> {
  await owner.expect('DELETE', `/v1/webhooks/${webhookId}`)
}

describe('a redelivery', () => {
  it('of what was delivered arrives once more: the same event, delivery and bytes', async () => {
    const { webhookId, deliveryId } = await deliver('/delivered', () => 200)
    await eventually(async () => expect(await read(deliveryId)).toMatchObject({ status: 'delivered' }))
    expect(await redeliver(deliveryId)).toMatchObject({ status: 202, body: { id: deliveryId, chain: 1 } })
    const [first, second] = await eventually(() => {
      expect(receiver.at('/delivered')).toHaveLength(2)
      return receiver.at('/delivered')
    })
    expect(second!.body.equals(first!.body)).toBe(true)
    expect(second!.eventId).toBe(first!.eventId)
    expect(second!.headers['x-webhook-delivery']).toBe(deliveryId)
    await eventually(async () =>
      expect(await read(deliveryId)).toMatchObject({
        status: 'delivered',
        trigger: 'redelivery',
        attempts_made: 1,
        attempts: [
          { chain: 0, number: 1, trigger: 'automatic' },
          { chain: 1, number: 1, trigger: 'redelivery' },
        ],
      }),
    )
    await remove(webhookId)
  })

  it('of what was exhausted has all its attempts before it again', async () => {
    let isMended = false
    const { webhookId, deliveryId } = await deliver('/exhausted', () => (isMended ? 200 : 500))
    await eventually(async () => expect(await read(deliveryId)).toMatchObject({ status: 'exhausted' }), 60_000)
    expect(await redeliver(deliveryId)).toMatchObject({ status: 202 })
    await eventually(async () =>
      expect(await read(deliveryId)).toMatchObject({ status: 'waiting', trigger: 'redelivery', next: { attempt: 2 } }),
    )
    isMended = true
    await eventually(async () => expect(await read(deliveryId)).toMatchObject({ status: 'delivered' }))
    expect(await endsOf(deliveryId)).toEqual({ 0: ['exhausted'], 1: ['delivered'] })
    await remove(webhookId)
  })

  it('takes the place of a retry that waits, which is dropped when its time comes', async () => {
    const { webhookId, deliveryId } = await deliver('/waiting', (_, earlier) => (earlier.length === 0 ? 500 : 200))
    await attempted(deliveryId, 1)
    await redeliver(deliveryId)
    await eventually(async () => expect(await read(deliveryId)).toMatchObject({ status: 'delivered' }))
    await eventually(async () => expect(await endsOf(deliveryId)).toEqual({ 0: ['cancelled'], 1: ['delivered'] }))
    expect(receiver.at('/waiting')).toHaveLength(2)
    await remove(webhookId)
  })

  it('asked for twice at once is made under two numbers, or once', async () => {
    const { webhookId, deliveryId } = await deliver('/twice', () => 200)
    await attempted(deliveryId, 1)
    const answers = await Promise.all([redeliver(deliveryId), redeliver(deliveryId)])
    const accepted = answers.filter(({ status }) => status === 202).map(({ body }) => body.chain)
    expect(accepted.length).toBeGreaterThan(0)
    expect(new Set(accepted).size).toBe(accepted.length)
    expect(answers.every(({ status }) => status === 202 || status === 409)).toBe(true)
    await eventually(async () => expect(Object.keys(await endsOf(deliveryId))).toHaveLength(1 + accepted.length))
    expect(Object.values(await endsOf(deliveryId)).every((ends) => ends.length === 1)).toBe(true)
    await remove(webhookId)
  })
})

describe('a dispatcher that is killed while the retry of a replaced chain waits', () => {
  /** So that nobody reads the redelivery's record again: who takes over hears of the new chain elsewhere. */
  async function everythingIsCommitted(): Promise<void> {
    const admin = new TopicAdmin(connectForTest(pipeline.kafkaBrokers))
    const topic = `${pipeline.topicPrefix}deliveries`
    try {
      await eventually(async () => {
        const ends = await admin.endOffsets(topic)
        const committed = await admin.committed(`${pipeline.topicPrefix}dispatcher`, [topic])
        for (const { partition, end } of ends) {
          expect(committed.find((each) => each.partition === partition)?.offset ?? 0).toBe(end)
        }
      })
    } finally {
      await admin.close()
    }
  }

  async function killDispatcher(): Promise<void> {
    const { pid, ended } = pipeline.service('dispatcher')
    process.kill(pid, 'SIGKILL')
    expect(await ended).toEqual({ code: null, signal: 'SIGKILL' })
  }

  it('comes back and drops it, though the redelivery has ended', async () => {
    const { webhookId, deliveryId } = await deliver('/killed', (_, earlier) => (earlier.length === 0 ? 500 : 200))
    await attempted(deliveryId, 1)
    await redeliver(deliveryId)
    await eventually(async () => expect(await read(deliveryId)).toMatchObject({ status: 'delivered' }))
    await everythingIsCommitted()
    await killDispatcher()
    expect(receiver.at('/killed')).toHaveLength(2)
    await pipeline.service('dispatcher').startAgain()
    await eventually(async () => expect((await endsOf(deliveryId))[0]).toEqual(['cancelled']))
    expect((await endsOf(deliveryId))[1]).toContain('delivered')
    const delivery = await read(deliveryId)
    expect(delivery.attempts.filter(({ chain }) => chain === 0)).toHaveLength(1)
    await remove(webhookId)
  })

  it('comes back and goes on with the redelivery alone', async () => {
    const { webhookId, deliveryId } = await deliver('/goes-on', (_, earlier) => (earlier.length < 2 ? 500 : 200))
    await attempted(deliveryId, 1)
    await redeliver(deliveryId)
    await attempted(deliveryId, 2)
    await everythingIsCommitted()
    await killDispatcher()
    await pipeline.service('dispatcher').startAgain()
    await eventually(async () => expect(await read(deliveryId)).toMatchObject({ status: 'delivered' }))
    await eventually(async () => expect((await endsOf(deliveryId))[0]).toEqual(['cancelled']))
    const { attempts } = await read(deliveryId)
    expect(attempts.map(({ chain, number }) => `${chain}/${number}`)).toEqual(['0/1', '1/1', '1/2'])
    await remove(webhookId)
  })

  it('is told of a redelivery that was asked for while it was down', async () => {
    const { webhookId, deliveryId } = await deliver('/down', (_, earlier) => (earlier.length === 0 ? 500 : 200))
    await attempted(deliveryId, 1)
    await killDispatcher()
    expect(await redeliver(deliveryId)).toMatchObject({ status: 202 })
    await pipeline.service('dispatcher').startAgain()
    await eventually(async () => expect(await endsOf(deliveryId)).toEqual({ 0: ['cancelled'], 1: ['delivered'] }))
    expect(receiver.at('/down')).toHaveLength(2)
    await remove(webhookId)
  })
})

describe('a redelivery is refused', () => {
  it('to another account, and for a delivery that there never was', async () => {
    const { webhookId, deliveryId } = await deliver('/theirs', () => 200)
    const { client } = await pipeline.newAccount()
    expect((await client.request('POST', `/v1/deliveries/${deliveryId}/redeliver`)).status).toBe(404)
    expect((await redeliver(`dlv_${'0'.repeat(32)}`)).status).toBe(404)
    await remove(webhookId)
  })

  it('for a disabled webhook until it is enabled, and for a deleted one', async () => {
    const { webhookId, deliveryId } = await deliver('/disabled', () => 200)
    await attempted(deliveryId, 1)
    await owner.expect('PATCH', `/v1/webhooks/${webhookId}`, { is_active: false })
    expect(await redeliver(deliveryId)).toMatchObject({ status: 409, body: { title: 'Webhook disabled' } })
    await owner.expect('PATCH', `/v1/webhooks/${webhookId}`, { is_active: true })
    expect(await redeliver(deliveryId)).toMatchObject({ status: 202 })
    await eventually(() => expect(receiver.at('/disabled')).toHaveLength(2))
    await remove(webhookId)
    expect(await redeliver(deliveryId)).toMatchObject({ status: 409, body: { title: 'Webhook deleted' } })
  })
})
