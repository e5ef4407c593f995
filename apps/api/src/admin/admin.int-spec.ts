import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { BatchingProducer, KafkaConnection, TopicAdmin } from '#kafka'
import { ApiKeyStore, PartitionStore, ReadModelWriter, WebhookStore, statesFrom } from '#postgres'
import { encodeDeadLetter, encodeUndecodable } from '#topics'
import { aDelivery } from '../../../../libs/domain/src/builders.testing.js'
import { type TestDatabase, createTestDatabase } from '../../../../libs/postgres/src/test-database.testing.js'
import { hashOfKey, isWellFormedKey } from '../accounts/key-format.js'
import { redeliveryRequested } from './dead-letter.js'
import { runAdmin } from './admin.js'
import { kafkaAccess } from './with-kafka.js'

const DAY_MS = 86_400_000

interface Result {
  code: number | string | undefined
  out: string
  err: string
}

async function run(...args: string[]): Promise<Result> {
  const result: Result = { code: 0, out: '', err: '' }
  const out = vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((result.out += String(text)), true))
  const err = vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((result.err += String(text)), true))
  const before = process.exitCode
  process.exitCode = 0
  try {
    await runAdmin(args)
    result.code = process.exitCode
  } finally {
    process.exitCode = before
    out.mockRestore()
    err.mockRestore()
  }
  return result
}

async function json<T>(...args: string[]): Promise<T> {
  const result = await run(...args, '--json')
  expect(result).toMatchObject({ code: 0, err: '' })
  return JSON.parse(result.out) as T
}

describe('the command line of operators', () => {
  let test: TestDatabase
  const prefix = `a${randomBytes(4).toString('hex')}.`

  function setEnvironment(): void {
    vi.unstubAllEnvs()
    vi.stubEnv('DATABASE_URL', test.url)
    vi.stubEnv('KAFKA_BROKERS', inject('kafkaBrokers'))
    vi.stubEnv('KAFKA_TOPIC_PREFIX', prefix)
    vi.stubEnv('KAFKA_PARTITIONS', '2')
    vi.stubEnv('KAFKA_REPLICATION_FACTOR', '1')
  }
  beforeAll(async () => {
    test = await createTestDatabase({ migrated: false })
    setEnvironment()
  })
  afterEach(() => setEnvironment())
  afterAll(async () => {
    vi.unstubAllEnvs()
    await test?.close()
  })

  it('brings the schema up to date, once', async () => {
    const { migrations, roles } = await json<{ migrations: string[]; roles: object }>('migrate')
    expect(migrations).not.toEqual([])
    expect(roles).toEqual({ fanout: expect.any(String), dispatcher: expect.any(String) })
    expect((await run('migrate')).out).toMatch(
      /^The schema is up to date\.\nFan-out reads as \w+_fanout, the dispatcher/,
    )
  })

  it('creates accounts and lists them', async () => {
    const { id } = await json<{ id: string }>('accounts', 'create', '--name', 'Acme', '--email', 'owner@example.com')

    expect(id).toMatch(/^acc_/)
    const { out } = await run('accounts', 'list')
    expect(out).toMatch(/^ACCOUNT +NAME +EMAIL +CREATED\n/)
    expect(out).toContain(id)
  })

  it('creates keys of accounts and of producers, shows them once, and stores only their hash', async () => {
    const { id: account } = await json<{ id: string }>('accounts', 'create', '--name', 'B', '--email', 'b@example.com')

    const ofAccount = await json<{ id: string; key: string; scopes: string[] }>(
      ...['keys', 'create', '--account', account, '--scopes', 'webhooks:read,deliveries:read', '--name', 'ci'],
    )
    const ofProducer = await json<{ key: string; scopes: string[]; account_id: null }>('keys', 'create', '--producer')

    expect(isWellFormedKey(ofAccount.key)).toBe(true)
    expect(ofAccount.scopes).toEqual(['webhooks:read', 'deliveries:read'])
    expect(ofProducer).toMatchObject({ scopes: ['events:write'], account_id: null })
    const active = await new ApiKeyStore(test.database).activeKeys()
    expect(active.map(({ hash }) => hash)).toEqual(
      expect.arrayContaining([hashOfKey(ofAccount.key), hashOfKey(ofProducer.key)]),
    )
    const listed = await run('keys', 'list', '--account', account)
    expect(listed.out).toContain(ofAccount.id)
    expect(listed.out).not.toContain(ofAccount.key)
  })

  it('revokes a key, and says so when there is none to revoke', async () => {
    const { id } = await json<{ id: string }>('keys', 'create', '--producer')

    expect(await json('keys', 'revoke', id)).toEqual({ id, revoked: true })

    const again = await run('keys', 'revoke', id)
    expect(again.code).toBe(1)
    expect(again.err).toContain(`no key ${id}`)
  })

  it.each([
    [['keys', 'create'], '--producer'],
    [['keys', 'create', '--producer', '--account', 'acc_1'], 'neither'],
    [['keys', 'create', '--account', 'acc_1', '--scopes', 'events:write'], 'Not a scope'],
    [['keys', 'create', '--account', 'acc_none', '--scopes', 'webhooks:read'], 'no account acc_none'],
    [['accounts', 'create', '--name', 'A', '--email', 'nobody'], 'owner@example.com'],
    [['nonsense'], 'unknown command'],
  ])('ends with 1 and says what is wrong: %j', async (args, words) => {
    const { code, err, out } = await run(...args)

    expect(code).toBe(1)
    expect(err).toContain(words)
    expect(out).toBe('')
  })

  it('needs nothing of Kafka for what is in the database, and names what is missing', async () => {
    vi.stubEnv('KAFKA_BROKERS', '')
    expect((await run('accounts', 'list')).code).toBe(0)

    const { code, err } = await run('create-topics')
    expect(code).toBe(78)
    expect(err).toContain('KAFKA_BROKERS')
  })

  it('creates topics, once', async () => {
    const { created } = await json<{ created: string[] }>('create-topics')

    expect(created).toContain(`${prefix}deliveries.retry-3h36m`)
    expect((await run('create-topics')).out).toBe('All topics exist.\n')
  })

  it('names the tier that an earlier schedule left behind with too few partitions', async () => {
    vi.stubEnv('KAFKA_TOPIC_PREFIX', `${prefix}uneven.`)
    const admin = new TopicAdmin(kafkaAccess().connection)
    const leftBehind = `${prefix}uneven.deliveries.retry-7s`
    await admin.ensureTopics([{ name: leftBehind, partitions: 1, replicationFactor: 1, config: {} }])
    await admin.ensureTopics([{ name: `${prefix}uneven.deliveries`, partitions: 2, replicationFactor: 1, config: {} }])
    await admin.close()

    const { code, err } = await run('create-topics')

    expect(code).toBe(0)
    const server = inject('kafkaBrokers')
    expect(err).toContain(`kafka-topics.sh --bootstrap-server ${server} --alter --topic ${leftBehind} --partitions 2\n`)
  })

  it('names what is kept otherwise than the configuration says, and leaves it so', async () => {
    vi.stubEnv('KAFKA_TOPIC_PREFIX', `${prefix}kept.`)
    vi.stubEnv('EVENT_RETENTION', '30d')
    await run('create-topics')
    expect(await run('create-topics')).toEqual({ code: 0, out: 'All topics exist.\n', err: '' })

    vi.stubEnv('EVENT_RETENTION', '20d')
    const alter = `kafka-configs.sh --bootstrap-server ${inject('kafkaBrokers')} --alter --entity-type topics`
    for (const _ of [1, 2]) {
      const { code, out, err } = await run('create-topics')
      expect([code, out]).toEqual([0, 'All topics exist.\n'])
      for (const topic of ['context-events', 'deliveries.dead-letter']) {
        expect(err).toContain(`${alter} --entity-name ${prefix}kept.${topic} --add-config retention.ms=1728000000\n`)
      }
      expect(err.match(/warning/g)).toHaveLength(2)
    }
  })

  /** Active, of an account of its own. */
  async function aWebhook(id: string): Promise<string> {
    const { id: accountId } = await json<{ id: string }>('accounts', 'create', '--name', id, '--email', 'a@example.com')
    const webhook = { id, name: id, url: 'https://example.com/', events: [], sealedSecret: 'k1:sealed' }
    await new WebhookStore(test.database).create(accountId, webhook)
    return accountId
  }

  it('lists dead letters and replays each once, as its next chain', async () => {
    const { connection, topics } = kafkaAccess()
    for (const id of ['whk_1', 'whk_2']) await aWebhook(id)
    // A partition that was made a moment ago may still be without its leader.
    await vi.waitFor(
      async () =>
        expect(await run('dead-letters', 'list')).toEqual({ code: 0, out: 'There are no dead letters.\n', err: '' }),
      { timeout: 20_000, interval: 200 },
    )
    const acceptedAt = Date.now() - 4 * DAY_MS
    const lost = aDelivery({ id: 'dlv_lost', webhookId: 'whk_1', attempt: 6, acceptedAt })
    const lostAgain = { ...lost, chain: 1 }
    const other = aDelivery({ id: 'dlv_other', webhookId: 'whk_2', attempt: 6, acceptedAt })
    const unreadable = { key: 'k', value: Buffer.from('x'), headers: {}, timestamp: 0 }
    await sendAll(connection, [
      encodeDeadLetter(topics.deadLetter, lost, 'exhausted'),
      encodeDeadLetter(topics.deadLetter, lostAgain, 'exhausted'),
      encodeDeadLetter(topics.deadLetter, other, 'gone'),
      encodeUndecodable(topics.deadLetter, unreadable, { topic: 't', partition: 0, offset: 1 }, 'not JSON'),
    ])

    const { data } = await json<{ data: { reason: string; delivery_id: string | null }[] }>('dead-letters', 'list')
    expect(data.map(({ reason }) => reason).sort()).toEqual(['exhausted', 'exhausted', 'gone', 'undecodable'])
    const ofOne = await json<{ data: unknown[] }>('dead-letters', 'list', '--webhook', 'whk_2')
    expect(ofOne.data).toMatchObject([{ delivery_id: 'dlv_other', attempts: 6 }])

    expect(await run('dead-letters', 'replay', '--webhook', 'whk_1')).toMatchObject({ out: '1 delivery replayed\n' })
    // Nobody has told the read model yet.
    expect(await json('dead-letters', 'replay', '--webhook', 'whk_1')).toMatchObject({ replayed: 0, left_out: 1 })

    // What the projector would have made of the replay.
    const retention = { eventsMs: Date.now(), deliveriesMs: Date.now() }
    const writer = new ReadModelWriter(test.database, new PartitionStore(test.database, retention))
    const fact = redeliveryRequested({ ...lost, chain: 2, trigger: 'redelivery' }, Date.now())
    await writer.write({ events: [], fanOuts: [], attempts: [], deliveries: statesFrom(fact) })

    expect(await json('dead-letters', 'replay')).toEqual({
      replayed: 1,
      left_out: 1,
      left_out_by_reason: { replayed_before: 1, no_longer_kept: 0, webhook_disabled: 0, webhook_deleted: 0 },
    })
    const since = await json<{ data: { later_chain: number | null }[] }>('dead-letters', 'list', '--webhook', 'whk_1')
    expect(since.data.map(({ later_chain }) => later_chain)).toEqual([2, 2])
    expect((await run('dead-letters', 'list', '--webhook', 'whk_1')).out).toContain('LATER CHAIN')

    // Another event, accepted under the same id days later.
    const later = { ...lost, acceptedAt: lost.acceptedAt + 3 * DAY_MS }
    await sendAll(connection, [encodeDeadLetter(topics.deadLetter, later, 'exhausted')])
    expect(await json('dead-letters', 'replay')).toMatchObject({ replayed: 1, left_out: 2 })
    expect(await json('dead-letters', 'replay')).toMatchObject({ replayed: 0, left_out: 3 })
  })

  it('keeps dead letters of a disabled or deleted webhook for when they can be delivered, and says so', async () => {
    const { connection, topics } = kafkaAccess()
    const webhooks = new WebhookStore(test.database)
    const accounts = { off: await aWebhook('whk_off'), deleted: await aWebhook('whk_deleted') }
    await webhooks.update(accounts.off, 'whk_off', { isActive: false })
    await webhooks.remove(accounts.deleted, 'whk_deleted')
    const acceptedAt = Date.now()
    await sendAll(connection, [
      ...['dlv_off_1', 'dlv_off_2'].map((id) =>
        encodeDeadLetter(topics.deadLetter, aDelivery({ id, webhookId: 'whk_off', acceptedAt }), 'exhausted'),
      ),
      encodeDeadLetter(
        topics.deadLetter,
        aDelivery({ id: 'dlv_deleted', webhookId: 'whk_deleted', acceptedAt }),
        'gone',
      ),
    ])

    expect((await run('dead-letters', 'replay')).out).toBe(
      [
        '0 deliveries replayed',
        '3 left out: replayed before, or redelivered since',
        '2 left out: webhook disabled; they can be replayed when it is enabled',
        '1 left out: webhook deleted',
        '',
      ].join('\n'),
    )

    await webhooks.update(accounts.off, 'whk_off', { isActive: true })
    expect(await json('dead-letters', 'replay')).toEqual({
      replayed: 2,
      left_out: 4,
      left_out_by_reason: { replayed_before: 3, no_longer_kept: 0, webhook_disabled: 0, webhook_deleted: 1 },
    })
  })

  it.each([
    { variable: 'DELIVERY_RETENTION', laterChain: '?', forgotten: 1 },
    { variable: 'EVENT_RETENTION', laterChain: '-', forgotten: 0 },
  ])('leaves $forgotten dead letters alone, being older than the $variable', async (given) => {
    const { variable, laterChain, forgotten } = given
    const { connection, topics } = kafkaAccess()
    const id = `whk_${variable}`
    await aWebhook(id)
    const letters = [9, 11].map((days) =>
      aDelivery({ id: `dlv_${variable}_${days}d`, webhookId: id, acceptedAt: Date.now() - days * DAY_MS }),
    )
    await sendAll(
      connection,
      letters.map((letter) => encodeDeadLetter(topics.deadLetter, letter, 'exhausted')),
    )
    vi.stubEnv(variable, '10d')

    const rows = (await run('dead-letters', 'list', '--webhook', id)).out.split('\n')
    const lastCells = letters.map((letter) =>
      rows
        .find((row) => row.includes(letter.id))
        ?.split(/ +/)
        .at(-1),
    )
    expect(lastCells).toEqual(['-', laterChain])
    expect(await json('dead-letters', 'replay', '--webhook', id)).toEqual({
      replayed: 2 - forgotten,
      left_out: forgotten,
      left_out_by_reason: { replayed_before: 0, no_longer_kept: forgotten, webhook_disabled: 0, webhook_deleted: 0 },
    })
    const unknown = 'accepted longer ago than deliveries are kept: whether they were replayed before is not known'
    expect((await run('dead-letters', 'replay', '--webhook', id)).out.trimEnd().split('\n')).toEqual([
      '0 deliveries replayed',
      `${2 - forgotten} left out: replayed before, or redelivered since`,
      ...(forgotten > 0 ? [`${forgotten} left out: ${unknown}`] : []),
    ])
  })

  it.each(['list', 'replay'])('says that there is no such webhook: dead-letters %s', async (command) => {
    const { code, err, out } = await run('dead-letters', command, '--webhook', 'whk_nope')

    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toContain('There is no webhook whk_nope')
  })
})

async function sendAll(connection: KafkaConnection, records: Parameters<BatchingProducer['send']>[0]): Promise<void> {
  const producer = new BatchingProducer(connection, { idempotent: true })
  await producer.start()
  await producer.send(records)
  await producer.close()
}
