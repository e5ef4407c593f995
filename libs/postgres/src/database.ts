import pg from 'pg'
import type { DataSource, EntityManager } from 'typeorm'
import { ask } from './ask.js'
import { DatabaseUnavailable, translated } from './database-unavailable.js'
import { createDataSource } from './orm-data-source.js'

export interface DatabaseOptions {
  url: string
  /** Shown in pg_stat_activity: `webhooks-api`. */
  applicationName: string
  /** Connections at most, for plain SQL and again for the configuration tables. */
  poolSize: number
  /** Where plain SQL looks for tables, first to last; the server's own setting otherwise. */
  searchPath?: string[]
  /** A statement that every transaction of plain SQL begins with: what it locks is had until the end. */
  beginWith?: string
  /** Told of connections that broke while idle; they are replaced in any case. */
  onIdleError?: (error: unknown) => void
}

/** A statement; with a name it is planned once per connection. The same name must always mean the same text. */
export type Statement = string | { name: string; text: string }

/**
 * Something that answers SQL: the pool, or one transaction. Statements of a transaction need not wait for each other's
 * answers (`together`); they run in the order in which they were asked.
 */
export interface Session {
  /** @throws {DatabaseUnavailable} when Postgres is away, else pg's own error */
  query<Row extends object>(statement: Statement, values?: unknown[]): Promise<Row[]>
}

/** No answer of ours takes this long in health; what does is a fault that waiting would hide. Ms. */
const STATEMENT_TIMEOUT_MS = 10_000
const CONNECT_TIMEOUT_MS = 3_000
/**
 * From one statement of a transaction to its next. A process whose machine has lost its power says no goodbye: without this
 * the server would keep its locks, such as that of all changes or of the read models, until TCP gives up, for minutes or
 * hours. Longer than an acknowledgement of Kafka is waited for in between. Ms.
 */
const IDLE_IN_TRANSACTION_MS = 30_000
/** How often a quiet database is asked whether it is there, for readiness. Ms. */
const PROBE_INTERVAL_MS = 3_000

/** A little later than the server's own, so that the server's answer, which says more, comes first. */
const ANSWER_TIMEOUT_MS = STATEMENT_TIMEOUT_MS + 2_000

/** Driver settings of every connection: without them, and a time-out of answers, a half-open one hangs its user. */
const DRIVER_TIMEOUTS = {
  connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
  statement_timeout: STATEMENT_TIMEOUT_MS,
  idle_in_transaction_session_timeout: IDLE_IN_TRANSACTION_MS,
  keepAlive: true,
}

/** The one door to Postgres. It opens by itself when it is needed, and again after Postgres was away. */
export class Database implements Session {
  readonly #pool: pg.Pool
  #dataSource: Promise<DataSource> | undefined
  #probe: NodeJS.Timeout | undefined
  #up = false
  #closed = false

  constructor(readonly options: DatabaseOptions) {
    this.#pool = new pg.Pool({
      ...DRIVER_TIMEOUTS,
      connectionString: options.url,
      application_name: options.applicationName,
      max: options.poolSize,
      pipeline: true,
      ...(options.searchPath && { options: `-c search_path=${options.searchPath.join(',')}` }),
    })
    this.#pool.on('error', this.#onIdleError)
  }

  /** Asks Postgres once and keeps asking quietly; resolves also when it is away, which `isUp` then tells. */
  async connect(): Promise<void> {
    const probe = () => this.query('select 1').catch(() => [])
    this.#probe ??= setInterval(() => void probe(), PROBE_INTERVAL_MS)
    this.#probe.unref()
    await probe()
  }

  /** Whether the last thing that was asked found Postgres there; at most a few seconds old after `connect`. */
  isUp(): boolean {
    return this.#up
  }

  /** Lets what runs finish, then closes every connection. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    clearInterval(this.#probe)
    await this.#pool.end()
    // One that never opened has nothing to close.
    const dataSource = await this.#dataSource?.catch(() => undefined)
    await dataSource?.destroy()
  }

  async query<Row extends object>(statement: Statement, values: unknown[] = []): Promise<Row[]> {
    return this.#watched(() => this.#onConnection((session) => session.query<Row>(statement, values)))
  }

  /**
   * Runs the work in one transaction: committed when it resolves, rolled back when it rejects. With an advisory lock it
   * first waits for its turn, and has it until the end.
   */
  async transaction<T>(work: (session: Session) => Promise<T>, lock?: number): Promise<T> {
    const { beginWith } = this.options
    const turn = lock === undefined ? undefined : `select pg_advisory_xact_lock(${lock})`
    const begin = ['begin', beginWith, turn].filter((statement) => statement !== undefined).join('; ')
    const inTransaction = async (session: Session) => {
      try {
        await session.query(begin)
        const result = await work(session)
        await session.query('commit')
        return result
      } catch (error) {
        // Where the connection is lost, so is the transaction.
        await session.query('rollback').catch(() => undefined)
        throw error
      }
    }
    return this.#watched(() => this.#onConnection(inTransaction))
  }

  /** The configuration tables through TypeORM, each statement for itself. */
  async orm<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    return this.#watched(async () => work((await this.#orm()).manager))
  }

  /** The configuration tables through TypeORM, in one transaction. */
  async ormTransaction<T>(work: (manager: EntityManager) => Promise<T>): Promise<T> {
    return this.#watched(async () => (await this.#orm()).transaction(work))
  }

  /** Fan-out and the dispatcher never come here, and never pay for it. A failed opening is forgotten and tried anew. */
  #orm(): Promise<DataSource> {
    if (this.#closed) return Promise.reject(new DatabaseUnavailable('the database was closed'))
    const { url, applicationName, poolSize } = this.options
    const driver = { ...DRIVER_TIMEOUTS, query_timeout: ANSWER_TIMEOUT_MS }
    const settings = { url, applicationName, poolSize, driver, onIdleError: this.#onIdleError }
    this.#dataSource ??= createDataSource(settings)
      .initialize()
      .catch((error: unknown) => {
        this.#dataSource = undefined
        throw error
      })
    return this.#dataSource
  }

  async #watched<T>(ask: () => Promise<T>): Promise<T> {
    try {
      const answer = await ask()
      this.#up = true
      return answer
    } catch (error) {
      const known = translated(error)
      this.#up = !(known instanceof DatabaseUnavailable)
      throw known
    }
  }

  async #onConnection<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect()
    let broken: Error | undefined
    // A connection that dies between two statements tells nobody but this listener.
    const onError = (error: Error) => (broken = error)
    client.on('error', onError)
    try {
      return await work(new ConnectionSession(client))
    } finally {
      client.off('error', onError)
      client.release(broken ?? false)
    }
  }

  readonly #onIdleError = (error: unknown): void => this.options.onIdleError?.(error)
}

class ConnectionSession implements Session {
  constructor(private readonly client: pg.PoolClient) {}

  query<Row extends object>(statement: Statement, values: unknown[] = []): Promise<Row[]> {
    return ask<Row>(this.client, asQuery(statement, values), ANSWER_TIMEOUT_MS)
  }
}

function asQuery(statement: Statement, values: unknown[]): pg.QueryConfig {
  return typeof statement === 'string' ? { text: statement, values } : { ...statement, values }
}
