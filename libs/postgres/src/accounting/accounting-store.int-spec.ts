import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FAN_OUT_PATIENCE_MS, type Fact, USUAL_PATIENCE_MS, patienceFor } from '#domain'
import { LOCKS } from '../advisory-locks.js'
import {
  NOON,
  aChainEnded,
  aFannedOut,
  aRef,
  aRedeliveryRequested,
  anEventRow,
} from '../read-models/builders.testing.js'
import { statesFrom } from '../read-models/delivery-state.js'
import { PartitionStore } from '../read-models/partition-store.js'
import { ReadModelWriter } from '../read-models/read-model-writer.js'
import { type TestDatabase, createTestDatabase } from '../test-database.testing.js'
import { AccountingStore } from './accounting-store.js'

const DAY_MS = 86_400_000
const MINUTE_MS = 60_000
const PATIENCE = patienceFor(DAY_MS)

describe('the accounting', () => {
  let test: TestDatabase
  let writer: ReadModelWriter
  let accounting: AccountingStore
  beforeEach(async () => {
    test = await createTestDatabase()
    const retention = { eventsMs: 30 * DAY_MS, deliveriesMs: 30 * DAY_MS }
    writer = new ReadModelWriter(test.database, new PartitionStore(test.database, retention, () => NOON))
    accounting = new AccountingStore(test.database, PATIENCE)
  })
  afterEach(() => test.close())

  const facts = (...told: Fact[]) =>
    writer.write({ events: [], fanOuts: [], attempts: [], deliveries: told.flatMap(statesFrom) })
  const event = (id: string, acceptedAt: number) =>
    writer.write({ events: [anEventRow({ id, acceptedAt })], fanOuts: [], attempts: [], deliveries: [] })
  const fanOut = (eventId: string, acceptedAt: number) =>
    writer.write({
      events: [],
      fanOuts: [
        { accountId: 'acc_1', eventId, acceptedAt, decidedAt: acceptedAt, matches: { matched: [], unmatched: [] } },
      ],
      attempts: [],
      deliveries: [],
    })

  it('counts what waits by its age', async () => {
    const ages = [0, 30_000, 5 * MINUTE_MS, 2 * DAY_MS]
    for (const [n, age] of ages.entries()) {
      const matched = [{ webhookId: 'whk_1', deliveryId: `dlv_${n}` }]
      await facts(aFannedOut({ eventId: `evt_${n}`, acceptedAt: NOON - age, matched }))
    }
    await facts(aChainEnded({ delivery: aRef({ deliveryId: 'dlv_done' }) }))

    expect(await accounting.look(NOON)).toMatchObject({ asOf: NOON, waiting: [2, 1, 0, 0, 0, 1] })
  })

  it('finds what has waited past its deadline, and nothing else', async () => {
    await facts(
      aFannedOut(),
      aFannedOut({ eventId: 'evt_2', matched: [{ webhookId: 'whk_1', deliveryId: 'dlv_2' }] }),
      aChainEnded({ delivery: aRef({ deliveryId: 'dlv_2' }) }),
      aRedeliveryRequested({ delivery: aRef({ deliveryId: 'dlv_3', chain: 1, trigger: 'replay' }), at: NOON }),
    )
    const overdue = async (asOf: number) => (await accounting.look(asOf))?.overdue

    expect(await overdue(NOON + USUAL_PATIENCE_MS)).toBe(0)
    expect(await overdue(NOON + USUAL_PATIENCE_MS + 1)).toBe(1)
    expect(await overdue(NOON + PATIENCE.replayMs + 1)).toBe(2)
  })

  it('finds events without a word from fan-out once they are old enough, and forgets them when it comes', async () => {
    const missing = async (asOf: number) => (await accounting.look(asOf))?.notFannedOut
    await event('evt_1', NOON)
    await event('evt_2', NOON + 1)
    await fanOut('evt_2', NOON + 1)

    expect(await missing(NOON + FAN_OUT_PATIENCE_MS)).toBe(0)
    expect(await missing(NOON + FAN_OUT_PATIENCE_MS + 1)).toBe(1)
    expect(await missing(NOON + FAN_OUT_PATIENCE_MS + 2)).toBe(1)
    expect(await missing(NOON + 2 * FAN_OUT_PATIENCE_MS)).toBe(1)

    await fanOut('evt_1', NOON)
    expect(await missing(NOON + 3 * FAN_OUT_PATIENCE_MS)).toBe(0)
  })

  it('takes the word about the acceptance that fan-out read first, also where a later one got an earlier time', async () => {
    const missing = async (asOf: number) => (await accounting.look(asOf))?.notFannedOut
    await event('evt_1', NOON)
    await event('evt_2', NOON)
    await fanOut('evt_2', NOON + 900)
    await fanOut('evt_1', NOON - 900)
    expect(await missing(NOON + FAN_OUT_PATIENCE_MS + 1)).toBe(1)
    await fanOut('evt_1', NOON + 900)
    expect(await missing(NOON + FAN_OUT_PATIENCE_MS + 2)).toBe(0)
  })

  it('looks no further when it is stopped, and goes on the next time', async () => {
    await accounting.look(NOON)
    await event('evt_lost', NOON + 30 * MINUTE_MS)
    let portions = 0
    const asOf = NOON + 6 * 60 * MINUTE_MS
    expect(await accounting.look(asOf, () => portions++ === 2)).toMatchObject({ notFannedOut: 0 })
    expect(await accounting.look(asOf)).toMatchObject({ notFannedOut: 1 })
  })

  it('finds them also after hours in which nobody looked, before it calls its figures new', async () => {
    await accounting.look(NOON)
    await event('evt_lost', NOON + 60 * MINUTE_MS)

    expect(await accounting.look(NOON + 6 * 60 * MINUTE_MS)).toMatchObject({ notFannedOut: 1 })
  })

  it('counts an event without a word from fan-out once, and goes on to count it beside a thousand others', async () => {
    const missing = async (asOf: number) => (await accounting.look(asOf))?.notFannedOut
    await event('evt_old', NOON)
    expect(await missing(NOON + FAN_OUT_PATIENCE_MS + 1)).toBe(1)

    const many = Array.from({ length: 1_200 }, (_, n) => `evt_${n}`)
    for (const id of many) await event(id, NOON + 1_000)
    const [first, again] = [
      await missing(NOON + FAN_OUT_PATIENCE_MS + 2_000),
      await missing(NOON + FAN_OUT_PATIENCE_MS + 2_001),
    ]
    expect([first, again]).toEqual([1_001, 1_001])

    for (const id of many.slice(0, 300)) await fanOut(id, NOON + 1_000)
    expect(await missing(NOON + FAN_OUT_PATIENCE_MS + 2_002)).toBe(901)
    expect(await missing(NOON + FAN_OUT_PATIENCE_MS + 2_003)).toBe(901)
  })

  it('is known to every replica, and done by one at a time', async () => {
    const other = test.another()
    const replica = new AccountingStore(other, PATIENCE)
    try {
      expect(await replica.latest()).toBeUndefined()
      await facts(aFannedOut())
      const accounts = await accounting.look(NOON)
      expect(await replica.latest()).toEqual(accounts)

      await test.database.transaction(async (session) => {
        await session.query('select pg_advisory_xact_lock($1)', [LOCKS.accounting])
        expect(await replica.look(NOON + 1)).toBeUndefined()
      })
      expect(await replica.latest()).toEqual(accounts)
    } finally {
      await other.close()
    }
  })
})
