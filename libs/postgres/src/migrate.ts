import pg from 'pg'
import { LOCKS } from './advisory-locks.js'
import type { Database } from './database.js'
import { sqlState, translated } from './database-unavailable.js'
import { migrations } from './migrations/index.js'
import { createDataSource } from './orm-data-source.js'
import { ensureRoles, grantReads } from './roles/reader-roles.js'

/**
 * Brings the schema up to date, each migration in its own transaction. Safe to run from several places at once: the
 * second waits and then finds nothing to do. Answers the names of those that ran here. Then lets the roles of fan-out
 * and the dispatcher read what they need.
 *
 * @throws {DatabaseUnavailable} when Postgres cannot be reached
 * @throws {RolesMissing} when this user may not create them, before anything was changed
 */
export async function migrate(database: Database): Promise<string[]> {
  const { url, applicationName } = database.options
  // Connections of its own, without the time-outs: both the wait for the lock and a migration may take long.
  const guard = new pg.Client({ connectionString: url, application_name: applicationName, keepAlive: true })
  let lost: Error | undefined
  guard.on('error', (error) => (lost = error))
  try {
    await guard.connect()
    await guard.query('select pg_advisory_lock($1)', [LOCKS.migrations])
    const roles = await ensureRoles(guard)
    const ran = await runMigrations(url, applicationName)
    await grantReads(guard, roles)
    if (lost) throw lost
    return ran
  } catch (error) {
    throw translated(error)
  } finally {
    // Ends the session and with it the lock.
    await guard.end().catch(() => undefined)
  }
}

/** Names of the migrations that the schema lacks: while there are any, a service is not ready. */
export async function pendingMigrations(database: Database): Promise<string[]> {
  const all = migrations.map((migration) => migration.name)
  try {
    const rows = await database.query<{ name: string }>('select name from migrations')
    const done = new Set(rows.map((row) => row.name))
    return all.filter((name) => !done.has(name))
  } catch (error) {
    if (sqlState(error) === UNDEFINED_TABLE) return all
    throw error
  }
}

const UNDEFINED_TABLE = '42P01'

async function runMigrations(url: string, applicationName: string): Promise<string[]> {
  const source = createDataSource({ url, applicationName, poolSize: 1, driver: {}, onIdleError: () => undefined })
  await source.initialize()
  try {
    return (await source.runMigrations({ transaction: 'each' })).map((migration) => migration.name)
  } finally {
    await source.destroy()
  }
}
