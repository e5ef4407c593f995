import { describe, expect, it } from 'vitest'
import { ProduceFailed } from '#kafka'
import { Redeliveries } from './redeliveries.js'
import { redeliveryContent, redeliveryFrom } from './requested-redelivery.js'

const DELIVERY = {
  id: 'dlv_1',
  eventId: 'evt_1',
  eventType: 'context.updated',
  accountId: 'acc_1',
  webhookId: 'whk_1',
  acceptedAt: Date.now(),
  chain: 0,
  trigger: 'automatic',
  end: null,
  next: { attempt: 2, notBefore: 0 },
  attemptsMade: 1,
} as const

/** Everything is found; the log and the store's last word are as told. */
function someRedeliveries({ write, sent }: { write?: () => Promise<void>; sent?: () => Promise<void> }) {
  const calls: string[] = []
  const store = {
    request: () => Promise.resolve(1),
    sent: () => {
      calls.push('sent')
      return sent?.() ?? Promise.resolve()
    },
  }
  const log = {
    write: () => {
      calls.push('written')
      return write?.() ?? Promise.resolve()
    },
  }
  const redeliveries = new Redeliveries(
    { find: () => Promise.resolve(DELIVERY) } as never,
    { body: () => Promise.resolve('{}') } as never,
    { find: () => Promise.resolve({ id: 'whk_1', version: 3, state: 'active' }) } as never,
    store as never,
    log as never,
    { topics: { eventRetentionMs: 60_000 } } as never,
    { warn: () => {} } as never,
  )
  return { ask: () => redeliveries.request('acc_1', 'dlv_1', undefined), calls }
}

describe('a redelivery', () => {
  it('that the log does not take in time stays stored, and is answered 503', async () => {
    const { ask, calls } = someRedeliveries({
      write: () => Promise.reject(new ProduceFailed('timed_out', 'Kafka is away')),
    })
    await expect(ask()).rejects.toMatchObject({ status: 503, detail: expect.stringContaining('will be made') })
    expect(calls).toEqual(['written'])
  })

  it('that is in the log is promised, though Postgres goes away before that is noted', async () => {
    const { ask, calls } = someRedeliveries({ sent: () => Promise.reject(new Error('Postgres is away')) })
    expect(await ask()).toMatchObject({ chain: 1 })
    expect(calls).toEqual(['written', 'sent'])
  })

  it('becomes the same fact and the same record at every try', () => {
    const content = redeliveryContent(DELIVERY, { version: 3 }, '{"text":"ü"}', '00-trace', 1_705_330_000_000)
    const { fact, delivery } = redeliveryFrom({ deliveryId: 'dlv_1', chain: 4, content })
    expect(fact).toMatchObject({
      kind: 'redelivery_requested',
      at: 1_705_330_000_000,
      delivery: { deliveryId: 'dlv_1', chain: 4, trigger: 'redelivery', acceptedAt: DELIVERY.acceptedAt },
    })
    expect(delivery).toEqual({
      id: 'dlv_1',
      eventId: 'evt_1',
      eventType: 'context.updated',
      accountId: 'acc_1',
      webhookId: 'whk_1',
      webhookVersion: 3,
      trigger: 'redelivery',
      chain: 4,
      attempt: 1,
      acceptedAt: DELIVERY.acceptedAt,
      notBefore: null,
      chainStartedAt: null,
      isDeferred: false,
      deferredSince: null,
      traceparent: '00-trace',
      body: Buffer.from('{"text":"ü"}'),
    })
  })
})
