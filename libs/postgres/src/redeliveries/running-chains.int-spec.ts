import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { aChainEnded, aFannedOut, aRedeliveryRequested, aRef } from '../read-models/builders.testing.js'
import { statesFrom } from '../read-models/delivery-state.js'
import { PartitionStore } from '../read-models/partition-store.js'
import { ReadModelWriter } from '../read-models/read-model-writer.js'
import { dayOf } from '../read-models/utc-day.js'
import { type TestDatabase, createTestDatabase } from '../test-database.testing.js'
import { RedeliveryStore } from './redelivery-store.js'
import { RunningChains } from './running-chains.js'

const DAY_MS = 86_400_000
let test: TestDatabase
beforeAll(async () => void (test = await createTestDatabase()))
beforeEach(async () => {
  await test.database.query('delete from deliveries')
  await test.database.query('delete from redeliveries')
})
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
  const store = new RedeliveryStore(test.database)
  for (const id of ['dlv_ended', 'dlv_long_ended']) await store.request(id, 0, 'content', acceptedAt)
  await asked('dlv_long_ended', 9)
  await store.request('dlv_not_in_the_log', 2, 'content', now)

  const newest = await new RunningChains(test.database).newest()

  expect(newest.toSorted((a, b) => a.deliveryId.localeCompare(b.deliveryId))).toEqual([
    // Its first chain may have left a retry that waits.
    { deliveryId: 'dlv_ended', chain: 1, acceptedAt },
    { deliveryId: 'dlv_not_in_the_log', chain: 3, acceptedAt: now },
    { deliveryId: 'dlv_running', chain: 2, acceptedAt },
  ])
})

it('counts from the request: no earlier record waits for longer than that, whenever the later chain ended', async () => {
  const acceptedAt = Date.now()
  const ids = ['dlv_lately', 'dlv_long_ago']
  const store = new RedeliveryStore(test.database)
  for (const id of ids) await store.request(id, 0, 'content', acceptedAt)
  await asked('dlv_lately', 7)
  await asked('dlv_long_ago', 9)
  await endedChains(ids, acceptedAt, acceptedAt)

  expect(await new RunningChains(test.database).newest()).toEqual([{ deliveryId: 'dlv_lately', chain: 1, acceptedAt }])
})

it('does not go through what was replayed and has ended, however much of it is kept', async () => {
  const now = Date.now()
  const ids = (when: string) => Array.from({ length: 5_000 }, (_, i) => `dlv_${when}_${i}`)
  await endedChains(ids('lately'), now, now)
  await endedChains(ids('long_ago'), now, now - 9 * DAY_MS)
  await test.database.query('analyze deliveries')
  const plans: PlanNode[] = []
  const explained = {
    async query(statement: string) {
      const [row] = await test.database.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
        `explain (analyze, timing off, format json) ${statement}`,
      )
      plans.push(row!['QUERY PLAN'][0].Plan)
      return []
    },
  }

  await new RunningChains(explained as never).newest()

  // An index may still name rows that the tests before have deleted.
  expect(plans.reduce((sum, plan) => sum + rowsRead(plan), 0)).toBeLessThan(100)
})

/** What a plan's node did, of which we look at the little that tells how much was read. */
interface PlanNode {
  'Node Type': string
  'Actual Rows': number
  'Rows Removed by Filter'?: number
  Plans?: PlanNode[]
}

function rowsRead(node: PlanNode): number {
  const below = (node.Plans ?? []).reduce((sum, each) => sum + rowsRead(each), 0)
  return below + (node['Node Type'].includes('Scan') ? node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0) : 0)
}

/** As if it had been asked for that long ago. */
async function asked(deliveryId: string, daysAgo: number): Promise<void> {
  await test.database.query(
    "update redeliveries set requested_at = now() - $2 * interval '1 day' where delivery_id = $1",
    [deliveryId, daysAgo],
  )
}

/** Second chains, delivered. */
async function endedChains(ids: string[], acceptedAt: number, endedAt: number): Promise<void> {
  const partitions = new PartitionStore(test.database, { eventsMs: DAY_MS, deliveriesMs: DAY_MS })
  await partitions.ensureDays('deliveries', [dayOf(acceptedAt)])
  await test.database.query(
    `insert into deliveries (id, accepted_at, account_id, webhook_id, event_id, event_type, trigger, chain, chain_end,
                             ended_at, next_attempt, not_before, attempts_made)
     select id, $2, 'acc_1', 'whk_1', 'evt_1', 'context.updated', 'replay', 1, 'delivered', $3, 1, $3, 1
     from unnest($1::text[]) as id`,
    [ids, new Date(acceptedAt), new Date(endedAt)],
  )
}
