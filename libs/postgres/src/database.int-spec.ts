import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, type Socket, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep, setImmediate } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { PostgresServer, removeWithUs } from '#local'
import { AccountStore } from './configuration/account-store.js'
import { Database, type Session } from './database.js'
import { DatabaseUnavailable, sqlState } from './database-unavailable.js'
import { migrate } from './migrate.js'
import { together } from './together.js'

describe('a database that goes away', () => {
  let folder: string
  let server: PostgresServer
  let database: Database
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'webhooks-database-'))
    removeWithUs(folder)
    server = await PostgresServer.start({ dataDir: folder })
  })
  afterAll(async () => {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  })
  beforeEach(() => {
    database = new Database({ url: server.databaseUrl, applicationName: 'test', poolSize: 2 })
  })
  afterEach(() => database.close())

  it('is noticed, and serves again when it is back, through every door', async () => {
    await migrate(database)
    await database.connect()
    const accounts = new AccountStore(database)
    expect(await accounts.list()).toEqual([])
    expect(database.isUp()).toBe(true)

    await server.stop()

    await expect(accounts.list()).rejects.toThrow(DatabaseUnavailable)
    await expect(database.query('select 1')).rejects.toThrow(DatabaseUnavailable)
    await expect(database.transaction((session) => session.query('select 1'))).rejects.toThrow(DatabaseUnavailable)
    expect(database.isUp()).toBe(false)

    await server.startAgain()

    await vi.waitFor(() => expect(database.isUp()).toBe(true), { timeout: 15_000 })
    expect(await accounts.list()).toEqual([])
    expect(await database.query('select 1 as one')).toEqual([{ one: 1 }])
  })

  it('may be away at the start', async () => {
    await server.stop()
    try {
      await database.connect()
      expect(database.isUp()).toBe(false)
      await expect(new AccountStore(database).list()).rejects.toThrow(DatabaseUnavailable)
    } finally {
      await server.startAgain()
    }

    await vi.waitFor(async () => void (await new AccountStore(database).list()), { timeout: 15_000 })
  })

  it('rolls back a transaction whose work fails, and whose connection breaks', async () => {
    await database.query('create table numbers (n integer)')
    const insert = (work: (pid: number) => Promise<unknown>) =>
      database.transaction(async (session) => {
        await session.query('insert into numbers values (1)')
        const [row] = await session.query<{ pid: number }>('select pg_backend_pid() as pid')
        await work(row!.pid)
        await session.query('insert into numbers values (2)')
      })

    await expect(insert(() => Promise.reject(new Error('no')))).rejects.toThrow('no')
    await expect(insert((pid) => database.query('select pg_terminate_backend($1, 1000)', [pid]))).rejects.toThrow(
      DatabaseUnavailable,
    )

    expect(await database.query('select n from numbers')).toEqual([])
  })

  it('runs what is asked together in order, and keeps nothing of it when one of it fails', async () => {
    await database.query('create table letters (letter text primary key)')
    const insert = (session: Session, letter: string) => session.query('insert into letters values ($1)', [letter])
    const letters = () => database.query('select letter from letters order by ctid')
    await database.transaction((session) => together(insert(session, 'b'), insert(session, 'a')))
    expect(await letters()).toEqual([{ letter: 'b' }, { letter: 'a' }])

    let refused: Promise<unknown>
    const insertAround = async (session: Session) => {
      await insert(session, 'c')
      await refused.catch(() => setImmediate())
      await insert(session, 'd')
    }
    const writing = database.transaction((session) => {
      const around = insertAround(session)
      refused = insert(session, 'a')
      return together(around, refused, insert(session, 'e'))
    })

    expect(sqlState(await writing.catch((error: unknown) => error))).toBe('23505')
    expect(await letters()).toEqual([{ letter: 'b' }, { letter: 'a' }])
  })

  it('fails all that was asked together when the connection breaks', async () => {
    const asking = database
      .transaction((session) =>
        together(session.query('select pg_sleep(10)'), session.query('select 1'), session.query('select 2')),
      )
      .catch((error: unknown) => error)
    const sleeping = `select pid from pg_stat_activity where query = 'select pg_sleep(10)' and state = 'active'`
    await vi.waitFor(async () => {
      const [sleeper] = await database.query<{ pid: number }>(sleeping)
      await database.query('select pg_terminate_backend($1, 1000)', [sleeper!.pid])
    })

    expect(await asking).toBeInstanceOf(DatabaseUnavailable)
    expect(await database.query('select 1 as one')).toEqual([{ one: 1 }])
  })

  it('has the lock of a transaction from before its work until its end', async () => {
    const happened: string[] = []
    const turn = (name: string) =>
      database.transaction(async (session) => {
        happened.push(`${name} begins`)
        await session.query('select pg_sleep(0.05)')
        happened.push(`${name} ends`)
      }, 4_711)

    await Promise.all([turn('one'), turn('one')])

    expect(happened).toEqual(['one begins', 'one ends', 'one begins', 'one ends'])
  })

  it('is ended by the server when whoever began it is silent, through every door', async () => {
    const asked = `select current_setting('idle_in_transaction_session_timeout') as limit`
    const plain = await database.transaction((session) => session.query<{ limit: string }>(asked))
    const mapped = await database.ormTransaction((manager) => manager.query<{ limit: string }[]>(asked))
    expect([...plain, ...mapped]).toEqual([{ limit: '30s' }, { limit: '30s' }])

    const silent = database.transaction(async (session) => {
      await session.query("set local idle_in_transaction_session_timeout = '50ms'")
      await session.query('select pg_advisory_xact_lock(4712)')
      await sleep(400)
      await session.query('select 1')
    })
    await expect(silent).rejects.toThrow(DatabaseUnavailable)
    expect(await database.query('select pg_try_advisory_lock(4712) as "isFree"')).toEqual([{ isFree: true }])
  })

  it('is given up after seconds where somebody listens and never answers', async () => {
    const sockets = new Set<Socket>()
    const mute = createServer((socket) => sockets.add(socket))
    mute.listen(0, '127.0.0.1')
    await once(mute, 'listening')
    const { port } = mute.address() as AddressInfo
    const nowhere = new Database({ url: `postgres://u:p@127.0.0.1:${port}/x`, applicationName: 'test', poolSize: 1 })
    try {
      await expect(nowhere.query('select 1')).rejects.toThrow(DatabaseUnavailable)
    } finally {
      await nowhere.close()
      for (const socket of sockets) socket.destroy()
      mute.close()
    }
  })
})
