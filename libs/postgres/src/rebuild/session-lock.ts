import pg from 'pg'
import type { Database } from '../database.js'
import { translated } from '../database-unavailable.js'

/** Whether the lock was lost with its connection: another process may have it by now. */
export type IsLost = () => boolean

/**
 * Does work that only one process at a time may do, however long it takes, on a connection that holds the lock.
 *
 * @returns null when another process has the lock: nothing was done
 * @throws {DatabaseUnavailable} when Postgres cannot be reached
 */
export async function withSessionLock<T>(
  database: Database,
  lock: number,
  work: (isLost: IsLost) => Promise<T>,
): Promise<T | null> {
  const { url, applicationName } = database.options
  const holder = new pg.Client({ connectionString: url, application_name: applicationName, keepAlive: true })
  let isLost = false
  holder.on('error', () => (isLost = true))
  try {
    if (!(await isTaken(holder, lock))) return null
    return await work(() => isLost)
  } finally {
    // Ends the session and with it the lock.
    await holder.end().catch(() => undefined)
  }
}

async function isTaken(holder: pg.Client, lock: number): Promise<boolean> {
  try {
    await holder.connect()
    const { rows } = await holder.query<{ taken: boolean }>('select pg_try_advisory_lock($1) as taken', [lock])
    return rows[0]!.taken
  } catch (error) {
    throw translated(error)
  }
}
