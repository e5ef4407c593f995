import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newId } from '#domain'
import { AccountStore } from '../configuration/account-store.js'
import { WebhookSnapshot } from '../configuration/webhook-snapshot.js'
import { WebhookStore } from '../configuration/webhook-store.js'
import { Database } from '../database.js'
import { StreakSnapshot } from '../health/streak-snapshot.js'
import { migrate } from '../migrate.js'
import { aRef, anAttempted } from '../read-models/builders.testing.js'
import { statesFrom } from '../read-models/delivery-state.js'
import { EndedChains } from '../read-models/ended-chains.js'
import { PartitionStore } from '../read-models/partition-store.js'
import { ReadModelWriter } from '../read-models/read-model-writer.js'
import { ReadModelRebuild } from '../rebuild/read-model-rebuild.js'
import { RunningChains } from '../redeliveries/running-chains.js'
import { type TestDatabase, createTestDatabase } from '../test-database.testing.js'
import { roleNames } from './reader-roles.js'
import type { Reader } from './role-names.js'

const DAY_MS = 86_400_000
const RETENTION = { eventsMs: 30 * DAY_MS, deliveriesMs: 30 * DAY_MS }
const REFUSED = /permission denied/

/** A user of the operator's, granted the service's role; its view of the same database. Closed by the test. */
async function loggedInAs(test: TestDatabase, reader: Reader, database = test): Promise<Database> {
  const role = (await roleNames(test.database))[reader]
  const user = `user_${randomBytes(6).toString('hex')}`
  await test.database.query(`create role ${user} login password 'secret' in role "${role}"`)
  return openAs(database.url, user)
}

function openAs(databaseUrl: string, user: string): Database {
  const url = Object.assign(new URL(databaseUrl), { username: user, password: 'secret' })
  return new Database({ url: url.href, applicationName: 'test', poolSize: 2 })
}

async function tablesOf(database: Database): Promise<string[]> {
  const rows = await database.query<{ name: string }>(
    "select tablename as name from pg_tables where schemaname = 'public' order by 1",
  )
  return rows.map(({ name }) => name)
}

describe('the roles of the services that read', () => {
  let test: TestDatabase
  let fanout: Database
  let dispatcher: Database
  beforeAll(async () => {
    test = await createTestDatabase()
    fanout = await loggedInAs(test, 'fanout')
    dispatcher = await loggedInAs(test, 'dispatcher')
    const accountId = newId('acc')
    await new AccountStore(test.database).create({ id: accountId, name: 'Acme', email: 'owner@example.com' })
    const named = { name: 'n', url: 'https://example.com', events: ['context.created' as const] }
    await new WebhookStore(test.database).create(accountId, { id: newId('whk'), ...named, sealedSecret: 'sealed' })
    const acceptedAt = Date.now()
    const delivery = aRef({ deliveryId: 'dlv_1', acceptedAt })
    await new ReadModelWriter(test.database, new PartitionStore(test.database, RETENTION)).write({
      events: [],
      fanOuts: [],
      deliveries: statesFrom(anAttempted({ delivery })),
      attempts: [],
    })
  })
  afterAll(async () => {
    await Promise.all([fanout.close(), dispatcher.close()])
    await test.close()
  })

  it('let fan-out read what decides a match, and neither secrets nor URLs', async () => {
    expect(await new WebhookSnapshot(fanout).subscribed()).toHaveLength(1)

    for (const secret of ['select sealed from webhook_secrets', 'select * from webhook_secrets']) {
      await expect(fanout.query(secret)).rejects.toThrow(REFUSED)
    }
    await expect(fanout.query('select url from webhooks')).rejects.toThrow(REFUSED)
    await expect(fanout.query('select change from outbox')).rejects.toThrow(REFUSED)
    await expect(fanout.query('select hash from api_keys')).rejects.toThrow(REFUSED)
  })

  it('let the dispatcher read what it signs with and what it asks when it takes over', async () => {
    expect(await new WebhookSnapshot(dispatcher).deliverable()).toMatchObject([{ secrets: [{ sealed: 'sealed' }] }])
    await new StreakSnapshot(dispatcher).running()
    await new EndedChains(dispatcher).among([{ deliveryId: 'dlv_1', chain: 0, acceptedAt: Date.now() }])
    await new RunningChains(dispatcher).newest()

    await expect(dispatcher.query('select body from events')).rejects.toThrow(REFUSED)
    await expect(dispatcher.query('select hash from api_keys')).rejects.toThrow(REFUSED)
    await expect(dispatcher.query('select email from accounts')).rejects.toThrow(REFUSED)
  })

  it.each(['fanout', 'dispatcher'] as const)('let %s write nothing', async (reader) => {
    const database = { fanout, dispatcher }[reader]
    const tables = await tablesOf(test.database)
    expect(tables).toEqual(
      expect.arrayContaining(['webhooks', 'webhook_secrets', 'outbox', 'deliveries', 'migrations']),
    )
    for (const table of tables) {
      await expect(database.query(`insert into ${table} default values`), table).rejects.toThrow(REFUSED)
      await expect(database.query(`delete from ${table}`), table).rejects.toThrow(REFUSED)
      await expect(database.query(`truncate ${table}`), table).rejects.toThrow(REFUSED)
      await expect(database.query(`drop table ${table}`), table).rejects.toThrow(/must be owner/)
    }
    await expect(database.query("update webhooks set state = 'disabled'")).rejects.toThrow(REFUSED)
    await expect(database.query("update webhook_secrets set sealed = ''")).rejects.toThrow(REFUSED)
    await expect(database.query('create table anything (id text)')).rejects.toThrow(REFUSED)
  })

  it('hold for partitions that are made later, which are read through their table alone', async () => {
    const ahead = new PartitionStore(test.database, RETENTION, () => Date.now() + 9 * DAY_MS)
    await ahead.ensureAhead(0)

    expect(
      await new EndedChains(dispatcher).among([{ deliveryId: 'dlv_1', chain: 0, acceptedAt: Date.now() }]),
    ).toBeInstanceOf(Map)
    const partitions = (await tablesOf(test.database)).filter((name) => /^deliveries_/.test(name))
    expect(partitions.length).toBeGreaterThan(1)
    for (const name of partitions) await expect(dispatcher.query(`select id from ${name}`)).rejects.toThrow(REFUSED)
  })

  it('hold for tables that were rebuilt and put in the place of the old', async () => {
    const before = await held(test.database)
    const rebuild = new ReadModelRebuild(test.database, RETENTION)
    try {
      await rebuild.run(async () => undefined)
      expect(await rebuild.install(async () => true)).toBe(true)
    } finally {
      await rebuild.close()
    }

    expect(await held(test.database)).toEqual(before)
    await new StreakSnapshot(dispatcher).running()
    await new RunningChains(dispatcher).newest()
    await expect(dispatcher.query('delete from webhook_health')).rejects.toThrow(REFUSED)
  })

  it('lose what they were granted beside, with the next migration', async () => {
    const before = await held(test.database)
    const role = (await roleNames(test.database)).fanout
    await test.database.query(`grant all on webhook_secrets to "${role}"`)
    await test.database.query(`grant select (url) on webhooks to "${role}"`)
    await expect(fanout.query('select sealed from webhook_secrets')).resolves.toHaveLength(1)

    await migrate(test.database)

    expect(await held(test.database)).toEqual(before)
    await expect(fanout.query('select sealed from webhook_secrets')).rejects.toThrow(REFUSED)
  })
})

describe('roles on a server that others use, too', () => {
  it('are of one database: those of another installation read nothing here', async () => {
    const [ours, theirs] = await Promise.all([createTestDatabase(), createTestDatabase()])
    const strangers = [await loggedInAs(theirs, 'dispatcher', ours), await loggedInAs(theirs, 'fanout', ours)]
    try {
      for (const stranger of strangers) {
        await expect(stranger.query('select id from webhooks')).rejects.toThrow(REFUSED)
      }
    } finally {
      for (const stranger of strangers) await stranger.close()
      await theirs.close()
      // And an installation that goes takes nothing from its neighbour.
      await migrate(ours.database)
      expect(await held(ours.database)).not.toEqual([])
      await ours.close()
    }
  })

  it('are made anew where a database was restored without them', async () => {
    const test = await createTestDatabase()
    try {
      const before = await held(test.database)
      for (const role of Object.values(await roleNames(test.database))) {
        await test.database.query(`drop owned by "${role}"`)
        await test.database.query(`drop role "${role}"`)
      }

      expect(await migrate(test.database)).toEqual([])

      expect(await held(test.database)).toEqual(before)
    } finally {
      await test.close()
    }
  })

  it('are asked for in words, with nothing changed, by a user who may not create them', async () => {
    const test = await createTestDatabase({ migrated: false })
    const owner = `owner_${randomBytes(6).toString('hex')}`
    await test.database.query(`create role ${owner} login password 'secret'`)
    const { pathname } = new URL(test.url)
    await test.database.query(`alter database ${pathname.slice(1)} owner to ${owner}`)
    const own = openAs(test.url, owner)
    try {
      const message = await migrate(own).catch((error: Error) => error.message)

      const { fanout, dispatcher } = await roleNames(own)
      expect(message).toContain(`The user ${owner} may not create roles`)
      const statements = [`create role "${fanout}" nologin;`, `create role "${dispatcher}" nologin;`]
      for (const statement of statements) expect(message).toContain(statement)
      expect(await tablesOf(own)).toEqual([])

      for (const statement of statements) await test.database.query(statement)
      expect(await migrate(own)).not.toEqual([])
      const reader = await loggedInAs(test, 'dispatcher')
      await new WebhookSnapshot(reader).deliverable().finally(() => reader.close())
    } finally {
      await own.close()
      await test.close()
    }
  })
})

/** Every privilege of the two roles, on tables and columns. */
async function held(database: Database): Promise<object[]> {
  const names = Object.values(await roleNames(database))
  return database.query(
    `select grantee, table_name, column_name, privilege_type from information_schema.column_privileges
     where grantee = any($1) order by 1, 2, 3, 4`,
    [names],
  )
}
