import { randomBytes } from 'node:crypto'
import { LOCKS } from '../advisory-locks.js'
import { Database, type Session } from '../database.js'
import { DatabaseUnavailable, sqlState } from '../database-unavailable.js'
import { PartitionStore, type Retention } from '../read-models/partition-store.js'
import { READ_MODEL_TABLES } from '../read-models/read-model-rows.js'
import { ReadModelWriter } from '../read-models/read-model-writer.js'
import { type SchemaName, createTableLike } from './like-table.js'
import { type IsLost, withSessionLock } from './session-lock.js'

/** Tables that are written from the log alone and can be written anew from it. */
const TABLES = [...READ_MODEL_TABLES, 'webhook_health']
/** Where the new ones grow, and where the old ones are thrown away. */
const REBUILT = 'read_models_rebuilt'
const REPLACED = 'read_models_replaced'
/** Names the rebuilding. It goes with the exchange: who needs it to write cannot write into tables that are in use. */
const REBUILDING = `${REBUILT}.rebuilding`

/** One rebuilding, which several runs of a command may have to share. */
export interface Rebuilding {
  /** Names what has been read of the log so far. */
  id: string
  begunAt: Date
  /** An earlier run was interrupted, and this one goes on where it stopped. */
  isResumed: boolean
  /** Writes the new tables, and nothing any more once they are in use: it rejects then. */
  writer: ReadModelWriter
}

/** Not done, and nothing was changed: another process is rebuilding. */
export class RebuildRunning extends Error {
  constructor() {
    super('Another process is rebuilding the read models. Wait for it, or stop it and run this again.')
    this.name = 'RebuildRunning'
  }
}

/** Not done, and nothing was changed: the tables in use are no longer what the new ones were made like. */
export class RebuildOvertaken extends Error {
  constructor() {
    super('The database was migrated while the read models were rebuilt. Run this again: it begins anew.')
    this.name = 'RebuildOvertaken'
  }
}

/**
 * New read models beside those in use, which go on being read and written meanwhile; in the end the new take the place
 * of the old in one transaction. Whenever this is interrupted, those in use are whole.
 */
export class ReadModelRebuild {
  readonly #rebuilt: Database

  constructor(
    private readonly database: Database,
    private readonly retention: Retention,
  ) {
    this.#rebuilt = new Database({
      ...database.options,
      searchPath: [REBUILT, '"$user"', 'public'],
      // Once the schema is gone the same names are those in use, which have a writer and a lock of their own.
      beginWith: `lock table ${REBUILDING} in access share mode`,
    })
  }

  /** Begins, or goes on. @throws {RebuildRunning} */
  async run<T>(work: (rebuilding: Rebuilding, isLost: IsLost) => Promise<T>): Promise<T> {
    const outcome = await withSessionLock(this.database, LOCKS.rebuild, async (isLost) => {
      const partitions = new PartitionStore(this.#rebuilt, this.retention)
      const writer = new ReadModelWriter(this.#rebuilt, partitions, FROM_THE_BEGINNING)
      const begun = await this.#begin()
      await partitions.ensureAhead(0)
      return { result: await work({ ...begun, writer }, isLost) }
    })
    if (!outcome) throw new RebuildRunning()
    return outcome.result
  }

  /**
   * Puts the new tables in the place of the old. The projector waits meanwhile, so that nothing is written which the
   * new ones lack. From then on the rebuilding's writer rejects.
   *
   * @param isComplete asked while nothing is written to the old ones: whether all that is in the log by now is in the
   *   new. To be answered within seconds.
   * @param stopReading awaited when the new ones are in use: before the old are thrown away, which takes seconds for a
   *   year of days
   * @returns false when it was not complete, or when readers or writers of the tables were in the way for too long:
   *   nothing was changed, to be tried again
   * @throws {RebuildOvertaken}
   */
  async install(isComplete: () => Promise<boolean>, stopReading?: () => Promise<void>): Promise<boolean> {
    await throwAway(this.database)
    if (!(await this.#exchange(isComplete))) return false
    await stopReading?.()
    await throwAway(this.database)
    return true
  }

  close(): Promise<void> {
    return this.#rebuilt.close()
  }

  async #exchange(isComplete: () => Promise<boolean>): Promise<boolean> {
    try {
      return await this.database.transaction(async (session) => {
        await session.query(`set local lock_timeout = '${LOCK_TIMEOUT}'`)
        await session.query('select pg_advisory_xact_lock($1)', [LOCKS.projection])
        if ((await unfinishedRebuild(session))?.schema !== (await schemaVersion(session))) throw new RebuildOvertaken()
        if (!(await isComplete())) return false
        await exchange(session)
        return true
      })
    } catch (error) {
      if (error instanceof DatabaseUnavailable && sqlState(error.cause) === LOCK_NOT_AVAILABLE) return false
      throw error
    }
  }

  #begin(): Promise<Omit<Rebuilding, 'writer'>> {
    return this.database.transaction(async (session) => {
      const schema = await schemaVersion(session)
      const interrupted = await unfinishedRebuild(session)
      if (interrupted?.schema === schema) return { ...interrupted, isResumed: true }
      await session.query(`drop schema if exists ${REBUILT} cascade`)
      await session.query(`create schema ${REBUILT}`)
      const home = await homeOf(session)
      for (const table of TABLES) await createTableLike(session, home, REBUILT, table)
      const begun = { id: randomBytes(6).toString('hex'), begunAt: new Date() }
      await session.query(`create table ${REBUILDING} (id text, begun_at timestamptz(3), schema text)`)
      await session.query(`insert into ${REBUILDING} values ($1, $2, $3)`, [begun.id, begun.begunAt, schema])
      return { ...begun, isResumed: false }
    })
  }
}

/**
 * Those in use have seen every streak grow. Whoever reads the log anew reads one partition ahead of another, and a
 * success may end a streak of which thousands of failures are known: all are kept until then.
 */
const FROM_THE_BEGINNING = { lock: LOCKS.rebuiltProjection, recentFailures: 50_000 }

const LOCK_TIMEOUT = '3s'
const LOCK_NOT_AVAILABLE = '55P03'

/** A table that was made before a migration would not be what the code after it expects. */
async function schemaVersion(session: Session): Promise<string> {
  const [version] = await session.query<{ schema: string }>(
    `select coalesce(string_agg(name, ',' order by name), '') as schema from migrations`,
  )
  return version!.schema
}

async function unfinishedRebuild(session: Session) {
  const [found] = await session.query<{ there: boolean }>(`select to_regclass('${REBUILDING}') is not null as there`)
  if (!found!.there) return undefined
  const [row] = await session.query<{ id: string; begunAt: Date; schema: string }>(
    `select id, begun_at as "begunAt", schema from ${REBUILDING}`,
  )
  return row
}

async function homeOf(session: Session): Promise<SchemaName> {
  const [row] = await session.query<{ home: string }>('select quote_ident(current_schema()) as home')
  return row!.home
}

async function exchange(session: Session): Promise<void> {
  const home = await homeOf(session)
  // Before all else: a writer of the new tables that had begun would wait for us to the end, and we for it.
  await session.query(`lock table ${REBUILDING} in access exclusive mode`)
  await session.query('select pg_advisory_xact_lock($1)', [LOCKS.partitions])
  await session.query(`lock table ${TABLES.map((table) => `${home}.${table}`).join(', ')} in access exclusive mode`)
  await keepWarnings(session, home)
  await session.query(`create schema ${REPLACED}`)
  for (const table of TABLES) {
    await move(session, table, home, REPLACED)
    await move(session, table, REBUILT, home)
  }
  await session.query(`drop schema ${REBUILT} cascade`)
}

/**
 * The old tables, also those that an earlier run left, one day at a time: what one statement drops is locked to its last
 * index, and of a year of days Postgres has no room for so many locks.
 */
async function throwAway(database: Database): Promise<void> {
  const tables = await database.query<{ name: string }>(
    `select relname as name from pg_class
     where relnamespace = to_regnamespace('${REPLACED}') and relkind = 'r' order by relispartition desc`,
  )
  for (const { name } of tables) await database.query(`drop table ${REPLACED}.${name}`)
  await database.query(`drop schema if exists ${REPLACED} cascade`)
}

async function move(session: Session, table: string, from: SchemaName, to: SchemaName): Promise<void> {
  const partitions = await session.query<{ name: string }>(
    'select relname as name from pg_inherits join pg_class on oid = inhrelid where inhparent = $1::regclass',
    [`${from}.${table}`],
  )
  for (const { name } of [{ name: table }, ...partitions]) {
    await session.query(`alter table ${from}.${name} set schema ${to}`)
  }
}

/** Whom we have warned is not in the log: nobody is told of the same streak a second time. */
async function keepWarnings(session: Session, home: SchemaName): Promise<void> {
  await session.query(`
    update ${REBUILT}.webhook_health rebuilt
    set warned_at = case when old.warned_at >= old.failing_since then greatest(old.warned_at, rebuilt.failing_since)
                         else old.warned_at end
    from ${home}.webhook_health old
    where old.webhook_id = rebuilt.webhook_id and old.warned_at is not null`)
  // Of webhooks that were deleted meanwhile.
  await session.query(`
    delete from ${REBUILT}.webhook_health rebuilt
    where not exists (select 1 from ${home}.webhooks w where w.id = rebuilt.webhook_id)`)
}
