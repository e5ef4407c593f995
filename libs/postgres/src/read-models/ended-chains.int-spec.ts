import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type TestDatabase, createTestDatabase } from '../test-database.testing.js'
import { NOON, aChainEnded, aFannedOut, aRedeliveryRequested, aRef } from './builders.testing.js'
import { statesFrom } from './delivery-state.js'
import { EndedChains } from './ended-chains.js'
import { PartitionStore } from './partition-store.js'
import { ReadModelWriter } from './read-model-writer.js'

const DAY_MS = 86_400_000

describe('chains that have ended', () => {
  let test: TestDatabase
  beforeAll(async () => void (test = await createTestDatabase()))
  afterAll(() => test.close())

  it('are told from those that go on, and from those that are not known', async () => {
    const retention = { eventsMs: 30 * DAY_MS, deliveriesMs: 30 * DAY_MS }
    const writer = new ReadModelWriter(test.database, new PartitionStore(test.database, retention, () => NOON))
    const matched = ['dlv_waits', 'dlv_ended', 'dlv_again', 'dlv_both'].map((deliveryId) => ({
      deliveryId,
      webhookId: 'whk_1',
    }))
    const again = (deliveryId: string) =>
      aRedeliveryRequested({ delivery: aRef({ deliveryId, chain: 1, trigger: 'redelivery' }) })
    const facts = [
      aFannedOut({ matched }),
      aChainEnded({ delivery: aRef({ deliveryId: 'dlv_ended' }), end: 'expired' }),
      again('dlv_again'),
      again('dlv_both'),
      aChainEnded({ delivery: aRef({ deliveryId: 'dlv_both', chain: 1, trigger: 'redelivery' }) }),
    ]
    await writer.write({ events: [], fanOuts: [], attempts: [], deliveries: facts.flatMap(statesFrom) })

    const asked = ['dlv_waits', 'dlv_ended', 'dlv_again', 'dlv_both', 'dlv_unknown'].flatMap((deliveryId) =>
      [0, 1].map((chain) => ({ deliveryId, chain })),
    )
    const ended = await new EndedChains(test.database).among(asked)

    expect([...ended].toSorted()).toEqual(['dlv_again/0', 'dlv_both/0', 'dlv_both/1', 'dlv_ended/0'])
    expect(await new EndedChains(test.database).among([])).toEqual(new Set())
  })
})
