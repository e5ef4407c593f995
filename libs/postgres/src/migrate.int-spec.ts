import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { migrate, pendingMigrations } from './migrate.js'
import { migrations } from './migrations/index.js'
import { PartitionStore } from './read-models/partition-store.js'
import { type TestDatabase, createTestDatabase } from './test-database.testing.js'

const names = migrations.map((migration) => migration.name)

describe('migrating', () => {
  let test: TestDatabase
  beforeEach(async () => void (test = await createTestDatabase({ migrated: false })))
  afterEach(() => test.close())

  it('runs what is pending, in order, and then nothing', async () => {
    expect(await pendingMigrations(test.database)).toEqual(names)

    expect(await migrate(test.database)).toEqual(names)

    expect(await pendingMigrations(test.database)).toEqual([])
    expect(await migrate(test.database)).toEqual([])
  })

  it('runs each migration once when two start at the same time', async () => {
    const other = test.another()
    try {
      const ran = await Promise.all([migrate(test.database), migrate(other)])

      expect(ran.flat()).toEqual(names)
    } finally {
      await other.close()
    }
  })

  it('lays attempts beside their delivery, whichever acceptance they were written under', async () => {
    await migrate(test.database)
    await undo(names.length - names.indexOf('AttemptsByTime1763960000009'))
    const partitions = new PartitionStore(test.database, { eventsMs: Infinity, deliveriesMs: Infinity })
    await partitions.ensureDays('deliveries', [0, 1])
    await partitions.ensureDays('attempts', [1])
    await test.database.query(`
      insert into deliveries select id, at, 'acc_1', 'whk_1', 'evt_1', 'context.updated', 'automatic', 0, null, null, 1, at, 0
      from (values ('dlv_twice', timestamptz 'epoch'), ('dlv_once', 'epoch')) as delivery (id, at)`)
    await test.database.query(`
      insert into attempts select delivery_id, id, at, 0, 1, 'automatic', at, 20, 'succeeded', null, 'https://a.example', '{}'
      from (values ('dlv_twice', 'atm_1', timestamptz 'epoch' + interval '24 hours'), ('dlv_twice', 'atm_2', timestamptz 'epoch' + interval '25 hours'),
                   ('dlv_once', 'atm_3', timestamptz 'epoch' + interval '30 hours'),
                   ('dlv_unknown', 'atm_4', timestamptz 'epoch' + interval '31 hours'))
        as attempt (delivery_id, id, at)`)

    await migrate(test.database)

    const hours = await test.database.query(
      'select id, extract(epoch from accepted_at)::int / 3600 as hour from attempts order by id',
    )
    expect(hours).toEqual([
      { id: 'atm_1', hour: 0 },
      { id: 'atm_2', hour: 0 },
      { id: 'atm_3', hour: 0 },
      { id: 'atm_4', hour: 31 },
    ])
  })

  it('can be undone to the empty database', async () => {
    await migrate(test.database)

    await undo(names.length)

    const tables = await test.database.query(
      "select 1 from pg_tables where schemaname = 'public' and tablename <> 'migrations'",
    )
    expect(tables).toEqual([])
  })

  async function undo(count: number): Promise<void> {
    await test.database.orm(async (manager) => {
      for (let i = 0; i < count; i++) await manager.dataSource.undoLastMigration()
    })
  }
})
