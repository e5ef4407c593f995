import { LOCKS } from '../advisory-locks.js'
import type { Database, Session } from '../database.js'
import { READ_MODEL_TABLES, type ReadModelTable } from './read-model-rows.js'
import { type UtcDay, dayOf, dayOfPartition, isDayKept, partitionName, startOf } from './utc-day.js'

export interface Retention {
  /** Ms; for events and where they went. */
  eventsMs: number
  /** Ms; for deliveries and their attempts. */
  deliveriesMs: number
}

/** Rows per page are left free here: a delivery's row is written again when it ends, ideally on the same page. */
const STORAGE: Partial<Record<ReadModelTable, string>> = { deliveries: 'with (fillfactor = 85)' }
/** Changes of partitions wait for each other, and for long reads of theirs. Ms. */
const CHANGE_WAITS_MS = 3_000
/** A drop waits for all who read or write the table, and whoever comes meanwhile waits behind it: all of the API does. Ms. */
const DROP_WAITS_MS = 200

/**
 * The days of the read models. A day's partition is made ahead of time or when its first row comes, and dropped as a
 * whole when its last row is older than the retention: forgetting a month costs a moment, and nothing is ever deleted
 * row by row.
 */
export class PartitionStore {
  /** What this process has seen to exist; only `dropExpired`, here or elsewhere, takes partitions away. */
  readonly #known = new Map<ReadModelTable, Set<UtcDay>>()

  constructor(
    private readonly database: Database,
    private readonly retention: Retention,
    private readonly now: () => number = Date.now,
  ) {}

  /** Makes today's partitions and those of the days ahead, so that midnight is no special moment. */
  async ensureAhead(days: number): Promise<void> {
    const today = dayOf(this.now())
    const wanted = Array.from({ length: days + 1 }, (_, i) => today + i)
    for (const table of READ_MODEL_TABLES) await this.ensureDays(table, wanted)
  }

  /** Makes what is missing of these days, also past and future ones. Costs nothing where all is known to be there. */
  async ensureDays(table: ReadModelTable, days: Iterable<UtcDay>): Promise<void> {
    const missing = [...new Set(days)].filter((day) => !this.#known.get(table)?.has(day))
    if (missing.length === 0) return
    const existing = await this.database.transaction(async (session) => {
      await takeTurn(session)
      const there = await existingDays(session, table)
      for (const day of missing) if (!there.has(day)) await createPartition(session, table, day)
      return there
    })
    this.#known.set(table, new Set([...existing, ...missing]))
  }

  /** To be called when a row found no partition after all: what is known is asked for anew. */
  forget(): void {
    this.#known.clear()
  }

  /** Whether rows of this acceptance time (ms) are still kept. */
  isKept(table: ReadModelTable, acceptedAt: number): boolean {
    return isDayKept(acceptedAt, this.#keptMs(table), this.now())
  }

  /**
   * Drops the days that are over and older than the retention; answers the names of the tables dropped.
   * @param isStopped asked before each: after a much shorter retention there are a thousand
   * @throws {DatabaseUnavailable} also while somebody reads such a table for longer, a dump or an audit: come again later
   */
  async dropExpired(isStopped: () => boolean = () => false): Promise<string[]> {
    const dropped: string[] = []
    for (const table of READ_MODEL_TABLES) {
      const days = await existingDays(this.database, table)
      const expired = [...days].filter((day) => !this.isKept(table, startOf(day)))
      for (const day of expired) {
        if (isStopped()) return dropped
        this.#known.get(table)?.delete(day)
        // One transaction each: a drop locks the whole table for its moment, and must not wait holding such a lock.
        await this.database.transaction(async (session) => {
          await takeTurn(session)
          await session.query(`set local lock_timeout = ${DROP_WAITS_MS}`)
          await session.query(`drop table if exists ${partitionName(table, day)}`)
        })
        dropped.push(partitionName(table, day))
      }
    }
    return dropped
  }

  #keptMs(table: ReadModelTable): number {
    const { eventsMs, deliveriesMs } = this.retention
    return table === 'events' || table === 'fan_outs' ? eventsMs : deliveriesMs
  }
}

async function takeTurn(session: Session): Promise<void> {
  // A change of partitions waits for long reads, and everybody else would wait behind it: give up early, come again.
  await session.query(`set local lock_timeout = ${CHANGE_WAITS_MS}`)
  await session.query('select pg_advisory_xact_lock($1)', [LOCKS.partitions])
}

async function existingDays(session: Session, table: ReadModelTable): Promise<Set<UtcDay>> {
  const rows = await session.query<{ name: string }>(
    `select child.relname as name from pg_inherits
     join pg_class child on child.oid = inhrelid
     where inhparent = $1::regclass`,
    [table],
  )
  return new Set(rows.map(({ name }) => dayOfPartition(table, name)).filter((day) => day !== undefined))
}

/** Made beside and then attached: that lets readers and writers of the other days go on, `partition of` would not. */
async function createPartition(session: Session, table: ReadModelTable, day: UtcDay): Promise<void> {
  const name = partitionName(table, day)
  const [from, to] = [day, day + 1].map((each) => `'${new Date(startOf(each)).toISOString()}'`)
  await session.query(`create table ${name} (like ${table} including all) ${STORAGE[table] ?? ''}`)
  await session.query(`alter table ${table} attach partition ${name} for values from (${from}) to (${to})`)
}
