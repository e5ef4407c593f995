import { describe, expect, it } from 'vitest'
import { deliveryIdFor } from '#domain'
import { replayDelivery } from './replay-delivery.js'

describe('what a replay sends', () => {
  const planned = { eventId: 'evt_1', eventType: 'context.updated' as const, acceptedAt: 1_700_000_000_123, chain: 3 }

  it('is the delivery that fan-out would have made, from its first attempt on', () => {
    expect(replayDelivery({ accountId: 'acc_1', webhookId: 'whk_1' }, planned, '{"id":"evt_1"}', 7)).toEqual({
      id: deliveryIdFor('evt_1', 'whk_1'),
      eventId: 'evt_1',
      eventType: 'context.updated',
      accountId: 'acc_1',
      webhookId: 'whk_1',
      webhookVersion: 7,
      trigger: 'replay',
      chain: 3,
      attempt: 1,
      acceptedAt: 1_700_000_000_123,
      notBefore: null,
      chainStartedAt: null,
      isDeferred: false,
      deferredSince: null,
      body: Buffer.from('{"id":"evt_1"}'),
    })
  })
})
