import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { migrate, pendingMigrations } from './migrate.js'
import { migrations } from './migrations/index.js'
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

  it('can be undone to the empty database', async () => {
    await migrate(test.database)

    await test.database.orm(async (manager) => {
      for (const _ of names) await manager.dataSource.undoLastMigration()
    })

    const tables = await test.database.query(
      "select 1 from pg_tables where schemaname = 'public' and tablename <> 'migrations'",
    )
    expect(tables).toEqual([])
  })
})
