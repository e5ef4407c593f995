import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { inject } from 'vitest'
import { Database } from './database.js'
import { migrate } from './migrate.js'
import { READERS, roleName } from './roles/role-names.js'

export interface TestDatabase {
  database: Database
  url: string
  /** Another process's view of the same database. Closed by the test that opened it. */
  another(): Database
  close(): Promise<void>
}

/** A database of its own on the shared server; without migrations when they are the test's subject. */
export async function createTestDatabase({ migrated = true } = {}): Promise<TestDatabase> {
  const name = `test_${randomBytes(8).toString('hex')}`
  await onServer(`create database ${name}`)
  const url = new URL(inject('databaseUrl'))
  url.pathname = `/${name}`
  const open = () => new Database({ url: url.href, applicationName: 'test', poolSize: 4 })
  const database = open()
  if (migrated) await migrate(database)
  return {
    database,
    url: url.href,
    another: open,
    async close() {
      await database.close()
      await onServer(`drop database ${name} with (force)`)
      // Roles are the server's, and outlive the database that they are about.
      for (const reader of READERS) await onServer(`drop role if exists ${roleName(name, reader)}`)
    },
  }
}

async function onServer(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: inject('databaseUrl') })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
