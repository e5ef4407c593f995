import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { PostgresServer } from './postgres-server.js'
import { removeWithUs } from './process-guard.js'

let folder: string
let server: PostgresServer

beforeAll(async () => {
  // Closed to everybody else: a Postgres that may not run as root must still reach its data in there.
  folder = await mkdtemp(join(tmpdir(), 'webhooks-postgres-'))
  await chmod(folder, 0o700)
  removeWithUs(folder)
  server = await PostgresServer.start({ dataDir: join(folder, 'data') })
})
afterAll(async () => {
  await server.stop()
  await rm(folder, { recursive: true, force: true })
})

it('is a PostgreSQL 18 with a database of its own', async () => {
  const rows = await query(`select current_database() as name, current_setting('server_version_num')::int as version`)
  expect(rows).toEqual([{ name: 'webhooks', version: expect.toSatisfy((it: number) => it >= 180_000) as number }])
})

it('has what was committed, its address and a new process after kill -9', async () => {
  await query('create table kept (word text)')
  await query(`insert into kept values ('yes')`)
  const { databaseUrl, pid } = server
  server.kill9()
  await server.startAgain()
  expect(server.databaseUrl).toBe(databaseUrl)
  expect(server.pid).not.toBe(pid)
  expect(await query('select word from kept')).toEqual([{ word: 'yes' }])
})

it('stops cleanly though somebody is connected, and has the same data afterwards', async () => {
  const client = new pg.Client(server.databaseUrl)
  client.on('error', () => undefined)
  await client.connect()
  await server.stop()
  await expect(server.ended).resolves.toEqual({ code: 0, signal: null })
  await server.startAgain()
  expect(await query('select word from kept')).toEqual([{ word: 'yes' }])
})

it('wants the password', async () => {
  const url = new URL(server.databaseUrl)
  url.password = 'guess'
  await expect(new pg.Client(url.href).connect()).rejects.toThrow(/password authentication failed/)
})

async function query(text: string): Promise<unknown[]> {
  const client = new pg.Client(server.databaseUrl)
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(text)).rows
  } finally {
    await client.end()
  }
}
