import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DatabaseUnavailable } from '../database-unavailable.js'
import { type TestDatabase, createTestDatabase } from '../test-database.testing.js'
import { PartitionStore } from './partition-store.js'
import { READ_MODEL_TABLES } from './read-model-rows.js'
import { dayOf, partitionName } from './utc-day.js'

const TODAY = Date.parse('2024-03-01T12:00:00Z')
const DAY_MS = 86_400_000
const RETENTION = { eventsMs: 2 * DAY_MS, deliveriesMs: 4 * DAY_MS }

describe('the partitions of the read models', () => {
  let test: TestDatabase
  let now: number
  let partitions: PartitionStore
  beforeEach(async () => {
    test = await createTestDatabase()
    now = TODAY
    partitions = new PartitionStore(test.database, RETENTION, () => now)
  })
  afterEach(() => test.close())

  async function tables(): Promise<string[]> {
    const rows = await test.database.query<{ name: string }>(
      "select c.relname as name from pg_class c join pg_inherits on inhrelid = c.oid where c.relkind = 'r' order by 1",
    )
    return rows.map(({ name }) => name)
  }

  it('are made for today and the days ahead, over the end of a month', async () => {
    now = Date.parse('2024-02-28T23:59:59Z')

    await partitions.ensureAhead(2)

    const days = ['20240228', '20240229', '20240301']
    expect(await tables()).toEqual(READ_MODEL_TABLES.flatMap((table) => days.map((day) => `${table}_${day}`)).sort())
  })

  it('are made once when several processes need them at the same time', async () => {
    const other = test.another()
    try {
      const stores = [partitions, new PartitionStore(other, RETENTION, () => now)]

      await Promise.all(stores.flatMap((store) => [store.ensureAhead(1), store.ensureDays('events', [dayOf(TODAY)])]))

      expect(await tables()).toHaveLength(2 * READ_MODEL_TABLES.length)
    } finally {
      await other.close()
    }
  })

  it('take the rows of their day from its first millisecond to its last', async () => {
    const day = dayOf(TODAY)
    await partitions.ensureDays('fan_outs', [day])
    const insert = (time: string) =>
      test.database.query(`insert into fan_outs values ('acc_1', 'evt_1', $1, now(), '{}')`, [time])

    await insert('2024-03-01T00:00:00.000Z')
    await insert('2024-03-01T23:59:59.999Z')

    const rows = await test.database.query(`select 1 from ${partitionName('fan_outs', day)}`)
    expect(rows).toHaveLength(2)
    await expect(insert('2024-03-02T00:00:00.000Z')).rejects.toThrow('no partition')
  })

  it('are dropped once all that is in them is older than the retention of their table', async () => {
    const days = Array.from({ length: 7 }, (_, i) => dayOf(TODAY) - i)
    for (const table of READ_MODEL_TABLES) await partitions.ensureDays(table, days)

    expect(await partitions.dropExpired(() => true)).toEqual([])
    const dropped = await partitions.dropExpired()

    const kept = (table: string, days: string[]) => days.map((day) => `${table}_${day}`)
    expect(await tables()).toEqual([
      ...kept('attempts', ['20240226', '20240227', '20240228', '20240229', '20240301']),
      ...kept('deliveries', ['20240226', '20240227', '20240228', '20240229', '20240301']),
      ...kept('events', ['20240228', '20240229', '20240301']),
      ...kept('fan_outs', ['20240228', '20240229', '20240301']),
    ])
    expect(dropped).toHaveLength(4 + 4 + 2 + 2)
    expect(partitions.isKept('events', Date.parse('2024-02-28T00:00:00Z'))).toBe(true)
    expect(partitions.isKept('events', Date.parse('2024-02-27T23:59:59.999Z'))).toBe(false)
  })

  it('are left for another time while somebody reads them: all others would wait behind the drop', async () => {
    const old = dayOf(TODAY) - 6
    await partitions.ensureDays('deliveries', [old])
    const reader = test.another()
    try {
      await reader.transaction(async (session) => {
        await session.query('select count(*) from deliveries')
        const begun = performance.now()
        await expect(partitions.dropExpired()).rejects.toThrow(DatabaseUnavailable)
        expect(performance.now() - begun).toBeLessThan(1_500)
      })
      expect(await partitions.dropExpired()).toEqual([partitionName('deliveries', old)])
    } finally {
      await reader.close()
    }
  })

  it('are made again after another process dropped them, once they were forgotten', async () => {
    const day = dayOf(TODAY)
    await partitions.ensureDays('events', [day])
    await test.database.query(`drop table ${partitionName('events', day)}`)

    partitions.forget()
    await partitions.ensureDays('events', [day])

    expect(await tables()).toEqual(['events_20240301'])
  })
})
