import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LOCKS } from '../advisory-locks.js'
import { aFannedOut, aRef, anAttemptRow, anAttempted, anEventRow } from '../read-models/builders.testing.js'
import { statesFrom } from '../read-models/delivery-state.js'
import { PartitionStore } from '../read-models/partition-store.js'
import { READ_MODEL_TABLES, type ReadModelRows } from '../read-models/read-model-rows.js'
import { ReadModelWriter } from '../read-models/read-model-writer.js'
import { dayOf } from '../read-models/utc-day.js'
import { type TestDatabase, createTestDatabase } from '../test-database.testing.js'
import { ReadModelRebuild, RebuildOvertaken, RebuildRunning } from './read-model-rebuild.js'

const DAY_MS = 86_400_000
const RETENTION = { eventsMs: 30 * DAY_MS, deliveriesMs: 30 * DAY_MS }
const NOW = Date.now()

describe('rebuilding the read models', () => {
  let test: TestDatabase
  let live: ReadModelWriter
  let rebuild: ReadModelRebuild
  beforeEach(async () => {
    test = await createTestDatabase()
    live = new ReadModelWriter(test.database, new PartitionStore(test.database, RETENTION))
    rebuild = new ReadModelRebuild(test.database, RETENTION)
  })
  afterEach(async () => {
    await rebuild.close()
    await test.close()
  })

  /** An event and its delivery, as the log tells of them, accepted some days ago. */
  function story(n: number, daysAgo: number): ReadModelRows {
    const acceptedAt = NOW - daysAgo * DAY_MS
    const delivery = aRef({ deliveryId: `dlv_${n}`, eventId: `evt_${n}`, acceptedAt })
    const matched = [{ webhookId: 'whk_1', deliveryId: `dlv_${n}` }]
    return {
      events: [anEventRow({ id: `evt_${n}`, acceptedAt })],
      fanOuts: [
        {
          accountId: 'acc_1',
          eventId: `evt_${n}`,
          acceptedAt,
          decidedAt: acceptedAt,
          matches: { matched: ['whk_1'], unmatched: [] },
        },
      ],
      deliveries: [
        ...statesFrom(aFannedOut({ eventId: `evt_${n}`, acceptedAt, matched })),
        ...statesFrom(anAttempted({ delivery })),
      ],
      attempts: [anAttemptRow({ id: `atm_${n}`, deliveryId: `dlv_${n}`, acceptedAt })],
    }
  }
  const stories = [story(1, 0), story(2, 1), story(3, 9)]

  async function dump(): Promise<object> {
    const tables = ['events', 'fan_outs', 'deliveries', 'attempts', 'webhook_health']
    const rows = await Promise.all(
      tables.map((table) => test.database.query(`select * from ${table} order by 1, 2, 3`)),
    )
    return Object.fromEntries(tables.map((table, i) => [table, rows[i]]))
  }

  /** Everything that a migration may name or that decides how rows are found and stored. */
  function shape(): Promise<object[]> {
    return test.database.query(
      `select c.relname, c.relkind, c.reloptions, pg_get_partkeydef(c.oid) as key,
              replace(pg_get_indexdef(c.oid), ' ONLY ', ' ') as index,
              (select json_agg(json_build_array(attname, atttypid::regtype, atttypmod, attnotnull) order by attnum)
               from pg_attribute where attrelid = c.oid and attnum > 0) as columns
       from pg_class c left join pg_index x on x.indexrelid = c.oid
       join pg_class t on t.oid = coalesce(x.indrelid, c.oid)
       where c.relnamespace = 'public'::regnamespace
         and t.relname in ('events', 'fan_outs', 'deliveries', 'attempts', 'webhook_health')
       order by c.relname`,
    )
  }

  const schemas = () =>
    test.database.query("select nspname as name from pg_namespace where nspname like 'read_models%' order by 1")

  it('takes the place of a year of days, and can be done again', async () => {
    const today = dayOf(NOW)
    const year = Array.from({ length: 366 }, (_, n) => today - n)
    const partitions = new PartitionStore(test.database, RETENTION)
    for (const table of READ_MODEL_TABLES) await partitions.ensureDays(table, year)
    for (let times = 0; times < 2; times++) {
      await rebuild.run(async ({ writer }) => {
        for (const rows of stories) await writer.write(rows)
        expect(await rebuild.install(() => Promise.resolve(true))).toBe(true)
      })
      expect(await schemas()).toEqual([])
    }
  })

  it('gives the same rows in tables of the same shape, also where the old ones had gone wrong', async () => {
    for (const rows of stories) await live.write(rows)
    const [before, shapeBefore] = [await dump(), await shape()]
    await test.database.query("update deliveries set chain_end = 'gone'")
    await test.database.query("delete from events where id = 'evt_3'")

    await rebuild.run(async ({ writer, isResumed }) => {
      expect(isResumed).toBe(false)
      for (const rows of stories.toReversed()) await writer.write(rows)
      expect(await rebuild.install(async () => true)).toBe(true)
    })

    expect(await dump()).toEqual(before)
    expect(await shape()).toEqual(shapeBefore)
    expect(await schemas()).toEqual([])
  })

  it('leaves those in use alone, readable and writable, until the new ones are installed', async () => {
    await live.write(stories[0]!)
    const before = await dump()

    await rebuild.run(async ({ writer }) => {
      await writer.write(stories[1]!)
      expect(await dump()).toEqual(before)
      await live.write(stories[2]!)
      expect(await rebuild.install(async () => false)).toBe(false)
      expect((await dump()) as { events: unknown[] }).toMatchObject({ events: [{ id: 'evt_1' }, { id: 'evt_3' }] })
      await writer.write(stories[0]!)
      await writer.write(stories[2]!)
      expect(await rebuild.install(async () => true)).toBe(true)
    })

    expect(((await dump()) as { events: unknown[] }).events).toHaveLength(3)
    await live.write(story(4, 2))
    expect(((await dump()) as { events: unknown[] }).events).toHaveLength(4)
  })

  it('goes on where an interrupted run stopped, and begins anew after a migration', async () => {
    const first = await rebuild.run(async ({ writer, id }) => {
      await writer.write(stories[0]!)
      return id
    })

    await rebuild.run(async ({ id, isResumed, writer }) => {
      expect([id, isResumed]).toEqual([first, true])
      await writer.write(stories[1]!)
    })
    await test.database.query("insert into migrations (timestamp, name) values (1, 'ANewOne')")
    await rebuild.run(async ({ id, isResumed }) => {
      expect(id).not.toBe(first)
      expect(isResumed).toBe(false)
    })
  })

  it('is not installed where a migration came in between', async () => {
    await live.write(stories[0]!)
    await rebuild.run(async ({ writer }) => {
      await writer.write(stories[1]!)
      const before = await dump()
      await test.database.query("insert into migrations (timestamp, name) values (1, 'ANewOne')")

      await expect(rebuild.install(async () => true)).rejects.toThrow(RebuildOvertaken)
      expect(await dump()).toEqual(before)
    })
  })

  it('is done by one process at a time', async () => {
    const other = new ReadModelRebuild(test.database, RETENTION)
    try {
      await rebuild.run(async () => {
        await expect(other.run(async () => undefined)).rejects.toThrow(RebuildRunning)
      })
    } finally {
      await other.close()
    }
  })

  it('keeps the projector from writing between the last look at the log and the exchange', async () => {
    await rebuild.run(async ({ writer }) => {
      await writer.write(stories[0]!)
      let isWritten = false
      let writing: Promise<unknown> = Promise.resolve()
      const isInstalled = await rebuild.install(async () => {
        writing = live.write(story(4, 0)).then(() => (isWritten = true))
        await waitingFor(LOCKS.projection)
        return !isWritten
      })
      await writing
      expect(isInstalled).toBe(true)
    })

    expect(((await dump()) as { events: unknown[] }).events).toHaveLength(2)
  })

  it('changes nothing while somebody reads for too long, and can then be installed', async () => {
    await live.write(stories[0]!)
    await rebuild.run(async ({ writer }) => {
      await writer.write(stories[1]!)
      await test.database.transaction(async (reader) => {
        await reader.query('select 1 from deliveries')
        expect(await rebuild.install(async () => true)).toBe(false)
      })
      expect((await dump()) as object).toMatchObject({ events: [{ id: 'evt_1' }] })

      expect(await rebuild.install(async () => true)).toBe(true)
      expect((await dump()) as object).toMatchObject({ events: [{ id: 'evt_2' }] })
    })
  })

  it('writes nothing into the tables in use once it is installed, and makes no days there', async () => {
    const days = () => test.database.query('select inhrelid::regclass::text as name from pg_inherits order by 1')
    await rebuild.run(async ({ writer }) => {
      await writer.write(stories[0]!)
      expect(await rebuild.install(async () => true)).toBe(true)
      const before = [await dump(), await days()]

      await expect(writer.write(story(4, 0))).rejects.toThrow()
      await expect(writer.write(story(5, 20))).rejects.toThrow()

      expect([await dump(), await days()]).toEqual(before)
    })
  })

  it('lets who reads the log stop when it is installed, before the old tables are thrown away', async () => {
    const there: object[] = []
    await rebuild.run(async () => {
      const stopReading = async () => void there.push(...(await schemas()))
      expect(await rebuild.install(async () => false, stopReading)).toBe(false)
      expect(there).toEqual([])
      expect(await rebuild.install(async () => true, stopReading)).toBe(true)
    })
    expect(there).toEqual([{ name: 'read_models_replaced' }])
  })

  it('waits for what its writer is in the middle of, and is not waited for', async () => {
    await rebuild.run(async ({ writer }) => {
      await writer.write(stories[0]!)
      let isInstalled: Promise<boolean> | undefined
      await test.database.transaction(async (likeTheWriter) => {
        await likeTheWriter.query('lock table read_models_rebuilt.rebuilding in access share mode')
        isInstalled = rebuild.install(async () => true)
        await somebodyWaitsFor('read_models_rebuilt.rebuilding')
        await likeTheWriter.query("update read_models_rebuilt.events set id = 'evt_2'")
      })
      expect(await isInstalled).toBe(true)
    })
    expect((await dump()) as object).toMatchObject({ events: [{ id: 'evt_2' }] })
  })

  async function somebodyWaitsFor(table: string): Promise<void> {
    for (;;) {
      const waiting = 'select 1 from pg_locks where relation = $1::regclass and not granted'
      if ((await test.database.query(waiting, [table])).length > 0) return
    }
  }

  async function waitingFor(lock: number): Promise<void> {
    for (;;) {
      const rows = await test.database.query(
        `select 1 from pg_locks where locktype = 'advisory' and objid = $1 and not granted`,
        [lock],
      )
      if (rows.length > 0) return
    }
  }

  it('warns nobody of the same streak again, and forgets webhooks that are gone', async () => {
    await test.database.query("insert into accounts values ('acc_1', 'A', 'a@example.com', now())")
    await test.database.query(
      `insert into webhooks (id, account_id, name, url, events, state, version, created_at, updated_at, judged_from)
       values ('whk_1', 'acc_1', 'n', 'https://a.example', '{}', 'active', 1, now(), now(), now() - interval '2 days'),
              ('whk_2', 'acc_1', 'n', 'https://b.example', '{}', 'active', 1, now(), now(), now() - interval '2 days')`,
    )
    const failed = (webhookId: string, id: string): ReadModelRows => ({
      events: [],
      fanOuts: [],
      deliveries: [],
      attempts: [
        anAttemptRow({
          id,
          webhookId,
          acceptedAt: NOW,
          startedAt: NOW,
          outcome: 'failed',
          reason: 'dns',
          response: null,
        }),
      ],
    })
    for (const rows of [failed('whk_1', 'atm_1'), failed('whk_2', 'atm_2')]) await live.write(rows)
    await test.database.query('update webhook_health set warned_at = failing_since')
    const { webhook_health: before } = (await dump()) as { webhook_health: object[] }

    await rebuild.run(async ({ writer }) => {
      for (const rows of [failed('whk_1', 'atm_1'), failed('whk_2', 'atm_2')]) await writer.write(rows)
      await test.database.query("delete from webhooks where id = 'whk_2'")
      await rebuild.install(async () => true)
    })

    expect((await dump()) as { webhook_health: object[] }).toMatchObject({ webhook_health: [before[0]] })
    expect(((await dump()) as { webhook_health: object[] }).webhook_health).toHaveLength(1)
  })

  it('lets those read the new tables who could read the old', async () => {
    const role = `reader_${Math.random().toString(36).slice(2)}`
    await test.database.query(`create role ${role}`)
    try {
      await test.database.query(`grant select on deliveries to ${role}`)
      await rebuild.run(async () => rebuild.install(async () => true))
      const [row] = await test.database.query<{ may: boolean }>(
        `select has_table_privilege('${role}', 'deliveries', 'select') as may`,
      )
      expect(row!.may).toBe(true)
    } finally {
      await test.database.query(`drop owned by ${role}`)
      await test.database.query(`drop role ${role}`)
    }
  })
})
