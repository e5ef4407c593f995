import { afterAll, beforeAll, expect, it } from 'vitest'
import { aChainEnded, aFannedOut, aRedeliveryRequested, aRef } from '../read-models/builders.testing.js'
import { statesFrom } from '../read-models/delivery-state.js'
import { PartitionStore } from '../read-models/partition-store.js'
import { ReadModelWriter } from '../read-models/read-model-writer.js'
import { type TestDatabase, createTestDatabase } from '../test-database.testing.js'
import { RedeliveryStore } from './redelivery-store.js'
import { RunningChains } from './running-chains.js'

const DAY_MS = 86_400_000
let test: TestDatabase
beforeAll(async () => void (test = await createTestDatabase()))
afterAll(() => test.close())

it('names the latest chain of what was asked for again, in the log or not yet, and of nothing else', async () => {
  const now = Date.now()
  const retention = { eventsMs: 30 * DAY_MS, deliveriesMs: 30 * DAY_MS }
  const writer = new ReadModelWriter(test.database, new PartitionStore(test.database, retention))
  const acceptedAt = now - 10 * DAY_MS
  const inChain = (deliveryId: string, chain: number) =>
    aRef({ deliveryId, chain, acceptedAt, trigger: chain === 0 ? 'automatic' : 'redelivery' })
  const facts = [
    aFannedOut({ acceptedAt, matched: [{ webhookId: 'whk_1', deliveryId: 'dlv_first' }] }),
    aRedeliveryRequested({ delivery: inChain('dlv_running', 1), at: now }),
    aRedeliveryRequested({ delivery: inChain('dlv_running', 2), at: now }),
    aChainEnded({ delivery: inChain('dlv_ended', 1), end: 'delivered', at: now - 3_600_000 }),
    aChainEnded({ delivery: inChain('dlv_long_ended', 1), end: 'delivered', at: now - 9 * DAY_MS }),
  ]
  const rows = { events: [], fanOuts: [], attempts: [], deliveries: facts.flatMap(statesFrom) }
  await writer.write(rows)
  await new RedeliveryStore(test.database).request('dlv_not_in_the_log', 2, 'content', now)

  const newest = await new RunningChains(test.database).newest()

  expect(newest.toSorted((a, b) => a.deliveryId.localeCompare(b.deliveryId))).toEqual([
    // Its first chain may have left a retry that waits.
    { deliveryId: 'dlv_ended', chain: 1, acceptedAt },
    { deliveryId: 'dlv_not_in_the_log', chain: 3, acceptedAt: now },
    { deliveryId: 'dlv_running', chain: 2, acceptedAt },
  ])
})
