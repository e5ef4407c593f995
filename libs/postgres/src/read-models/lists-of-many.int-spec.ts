import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type TestDatabase, createTestDatabase } from '../test-database.testing.js'
import { type DeliveryFilter, deliveryListQuery } from './delivery-list-query.js'
import { eventListQuery } from './event-log.js'
import type { LogPage } from './log-page.js'
import { BUSY, type ManyDeliveries, QUIET, fillWithDeliveries } from './many-deliveries.testing.js'

const DELIVERIES = 200_000
const DAYS = 4
const LIMIT = 50

/** What a plan's node did, of which we look at the little that tells how much was read. */
interface PlanNode {
  'Node Type': string
  'Actual Rows': number
  'Actual Loops': number
  'Rows Removed by Filter'?: number
  Plans?: PlanNode[]
}

// Times differ from machine to machine; what is read does not.
describe('lists out of many deliveries', () => {
  let test: TestDatabase
  let many: ManyDeliveries
  beforeAll(async () => {
    test = await createTestDatabase()
    many = await fillWithDeliveries(test.database, DELIVERIES, DAYS)
  }, 120_000)
  afterAll(() => test?.close())

  async function nodesOf({ text, values }: { text: string; values: unknown[] }): Promise<PlanNode[]> {
    const [row] = await test.database.query<{ 'QUERY PLAN': [{ Plan: PlanNode }] }>(
      `explain (analyze, timing off, format json) ${text}`,
      values,
    )
    const nodes: PlanNode[] = []
    const collect = (node: PlanNode) => {
      nodes.push(node)
      node.Plans?.forEach(collect)
    }
    collect(row!['QUERY PLAN'][0].Plan)
    return nodes
  }

  function rowsRead(nodes: PlanNode[]): number {
    const perLoop = (node: PlanNode) => node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)
    return nodes
      .filter((node) => node['Node Type'].includes('Scan') && node['Node Type'] !== 'Function Scan')
      .reduce((sum, node) => sum + perLoop(node) * node['Actual Loops'], 0)
  }

  function expectFewRead(nodes: PlanNode[]): void {
    expect(nodes.map((node) => node['Node Type'])).not.toContain('Seq Scan')
    // A page of each status and type at most, of which one page is left.
    expect(rowsRead(nodes)).toBeLessThan(20 * LIMIT)
  }

  const first = (): LogPage => ({ limit: LIMIT })
  const deep = (): LogPage => ({ limit: LIMIT, after: { acceptedAt: many.from + 1_000_000, id: 'dlv_z' } })

  it.each<[string, DeliveryFilter]>([
    ['no filter', {}],
    ['the usual status', { status: 'delivered' }],
    ['a rare status', { status: 'exhausted' }],
    ['a status that nothing has', { status: 'gone' }],
    ['what waits', { status: 'waiting' }],
    ['the usual type', { type: 'context.updated' }],
    ['a rare type', { type: 'context.deleted' }],
    ['a type that nothing has', { type: 'context.published' }],
    ['a rare status of a rare type', { status: 'waiting', type: 'context.deleted' }],
    ['an event', { eventId: `evt_${(77_777).toString(16).padStart(32, '0')}` }],
  ])('reads little for the first page and for one of the last: %s', async (_, filter) => {
    for (const page of [first(), deep()]) {
      for (const { accountId, webhookId } of [BUSY, QUIET]) {
        expectFewRead(await nodesOf(deliveryListQuery(accountId, webhookId, filter, page)))
      }
    }
  })

  it('looks only at the days between since and until, and before the cursor', async () => {
    const day = many.from + 86_400_000 * 1.5
    const filter = { since: day, until: day + 3_600_000, status: 'delivered' as const }
    const scans = (nodes: PlanNode[]) => nodes.filter((node) => node['Node Type'].includes('Index'))

    const within = await nodesOf(deliveryListQuery(BUSY.accountId, BUSY.webhookId, filter, first()))
    const afterCursor = await nodesOf(deliveryListQuery(BUSY.accountId, BUSY.webhookId, {}, deep()))

    expectFewRead(within)
    expect(scans(within)).toHaveLength(1)
    expect(scans(afterCursor)).toHaveLength(1)
  })

  it.each([
    ['no filter', {}],
    ['the usual type', { type: 'context.updated' as const }],
    ['a rare type', { type: 'context.deleted' as const }],
    ['a type that nothing has', { type: 'context.published' as const }],
  ])('reads little of the events: %s', async (_, filter) => {
    for (const page of [first(), deep()]) expectFewRead(await nodesOf(eventListQuery(BUSY.accountId, filter, page)))
  })
})
