import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type TestDatabase, createTestDatabase } from '../test-database.testing.js'
import { NOON, aChainEnded, aFannedOut, aRedeliveryRequested, aRef, anAttemptRow } from './builders.testing.js'
import { statesFrom } from './delivery-state.js'
import { EndedChains } from './ended-chains.js'
import { PartitionStore } from './partition-store.js'
import { ReadModelWriter } from './read-model-writer.js'

const DAY_MS = 86_400_000

describe('chains that have ended', () => {
  let test: TestDatabase
  beforeAll(async () => void (test = await createTestDatabase()))
  afterAll(() => test.close())

  it('are told from those that go on, from those that were only replaced, and from those that are not known', async () => {
    const retention = { eventsMs: 30 * DAY_MS, deliveriesMs: 30 * DAY_MS }
    const writer = new ReadModelWriter(test.database, new PartitionStore(test.database, retention, () => NOON))
    const tried = ['dlv_delivered', 'dlv_gone', 'dlv_exhausted', 'dlv_cut_short']
    const matched = ['dlv_waits', 'dlv_ended', 'dlv_again', 'dlv_both', ...tried].map((deliveryId) => ({
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
      ...tried.map(again),
      aChainEnded({ delivery: aRef({ deliveryId: 'dlv_both', chain: 1, trigger: 'redelivery' }) }),
    ]
    const failed = { outcome: 'failed', reason: 'timeout', response: null } as const
    const attempts = [
      { deliveryId: 'dlv_delivered', number: 2 },
      { deliveryId: 'dlv_gone', outcome: 'refused' as const, reason: 'gone' as const },
      { deliveryId: 'dlv_exhausted', number: 6, ...failed },
      { deliveryId: 'dlv_cut_short', number: 5, ...failed },
      // Of the later chain: it says nothing about the first.
      { deliveryId: 'dlv_again', chain: 1, number: 6, ...failed },
    ].map((attempt, i) => anAttemptRow({ id: `atm_${i}`, ...attempt }))
    await writer.write({ events: [], fanOuts: [], attempts, deliveries: facts.flatMap(statesFrom) })

    const asked = ['dlv_waits', 'dlv_ended', 'dlv_again', 'dlv_both', ...tried, 'dlv_unknown'].flatMap((deliveryId) =>
      [0, 1].map((chain) => ({ deliveryId, chain, acceptedAt: NOON })),
    )
    const over = await new EndedChains(test.database).among(asked)

    expect(Object.fromEntries(over)).toEqual({
      [`dlv_ended/0/${NOON}`]: { hasEnded: true, newest: 0 },
      [`dlv_both/1/${NOON}`]: { hasEnded: true, newest: 1 },
      [`dlv_delivered/0/${NOON}`]: { hasEnded: true, newest: 1 },
      [`dlv_gone/0/${NOON}`]: { hasEnded: true, newest: 1 },
      [`dlv_exhausted/0/${NOON}`]: { hasEnded: true, newest: 1 },
      [`dlv_cut_short/0/${NOON}`]: { hasEnded: false, newest: 1 },
      [`dlv_again/0/${NOON}`]: { hasEnded: false, newest: 1 },
      [`dlv_both/0/${NOON}`]: { hasEnded: false, newest: 1 },
    })
    expect(await new EndedChains(test.database).among([])).toEqual(new Map())

    // What is delivered is told from what ended otherwise, and is not the same id that was accepted days later, nor one
    // that came an hour before what is known.
    const end = aChainEnded({ delivery: aRef({ deliveryId: 'dlv_arrived' }), end: 'delivered' })
    await writer.write({ events: [], fanOuts: [], attempts: [], deliveries: statesFrom(end) })
    const known = { deliveryId: 'dlv_arrived', chain: 0, acceptedAt: NOON }
    const others = [3 * DAY_MS, -3_600_000].map((afterMs) => ({ ...known, acceptedAt: NOON + afterMs }))
    const repeat = { ...known, acceptedAt: NOON + 60_000 }
    const delivered = await new EndedChains(test.database).deliveredAmong([...asked, known, ...others, repeat])
    expect([...delivered]).toEqual([known, repeat])
  })

  it('are those of the same event, not of one that was accepted under its id days before or after', async () => {
    const retention = { eventsMs: 30 * DAY_MS, deliveriesMs: 30 * DAY_MS }
    const writer = new ReadModelWriter(test.database, new PartitionStore(test.database, retention, () => NOON))
    const facts = [aChainEnded({ delivery: aRef({ deliveryId: 'dlv_monday', chain: 1, trigger: 'redelivery' }) })]
    await writer.write({ events: [], fanOuts: [], attempts: [], deliveries: facts.flatMap(statesFrom) })

    const apart = [-3 * DAY_MS, -3_600_000, 3_600_000, 3 * DAY_MS]
    const asked = apart.map((ms) => ({ deliveryId: 'dlv_monday', chain: 0, acceptedAt: NOON + ms }))
    const over = await new EndedChains(test.database).among(asked)

    expect([...over.keys()].sort()).toEqual([-3_600_000, 3_600_000].map((ms) => `dlv_monday/0/${NOON + ms}`))
  })
})
