import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, type Socket, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { PostgresServer, removeWithUs } from '#local'
import { AccountStore } from './configuration/account-store.js'
import { Database } from './database.js'
import { DatabaseUnavailable } from './database-unavailable.js'
import { migrate } from './migrate.js'

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
