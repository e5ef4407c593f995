import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DisableWebhook } from '#domain'
import { BatchingProducer, KafkaConnection } from '#kafka'
import { DisableStore } from '#postgres'
import { Registry } from '#telemetry'
import { TopicMap, encodeFact, encodeWebhookCommand } from '#topics'
import { Projector } from '../deliveries/projector.js'
import { ReadModelProgress } from '../deliveries/read-model-progress.js'
import { TestApi } from '../http/test-api.testing.js'
import { aWebhook, anAttempt } from './webhook-health.testing.js'

const silent = () => undefined
const noLog = { debug: silent, info: silent, warn: silent, error: silent }

describe('the consumer of commands', () => {
  let api: TestApi
  let topics: TopicMap
  let producer: BatchingProducer
  let mailFolder: string
  beforeAll(async () => {
    mailFolder = await mkdtemp(join(tmpdir(), 'mail-'))
    const servers = { kafkaBrokers: inject('kafkaBrokers'), databaseUrl: inject('databaseUrl') }
    api = await TestApi.start(servers, { MAIL_DIR: mailFolder, DISABLE_AFTER: '1h' })
    topics = new TopicMap(api.config.topics)
    const connection = new KafkaConnection({ ...api.config.kafka, clientId: 'test' }, noLog)
    producer = new BatchingProducer(connection, { idempotent: true })
    await producer.start()
  })
  afterAll(async () => {
    await producer?.close()
    await api?.stop()
    await rm(mailFolder, { recursive: true, force: true })
  })

  function aCommand(webhookId: string, since: number, change: Partial<DisableWebhook> = {}): DisableWebhook {
    const evidence = { failures: 12, since, lastFailureAt: since, lastFailure: 'It answered 500.', lastStatus: 500 }
    return {
      kind: 'disable_webhook',
      webhookId,
      accountId: api.keys.accountId,
      version: 1,
      reason: 'failing',
      at: Date.now(),
      evidence: { ...evidence, deliveryId: 'dlv_1', eventId: 'evt_1' },
      ...change,
    }
  }

  const command = (...commands: DisableWebhook[]) =>
    producer.send(commands.map((each) => encodeWebhookCommand(topics.webhookCommands, each)))

  async function versionOf(webhookId: string): Promise<number> {
    const [row] = await api.database.query<{ version: number }>('select version from webhooks where id = $1', [
      webhookId,
    ])
    return row!.version
  }

  const verdicts = async () =>
    [...(await api.running.app.get(Registry).metrics()).matchAll(/disable_commands_total{(.*?)} (\d+)/g)].map(
      ([, labels, count]) => `${labels} ${count}`,
    )

  const withState = (id: string, state: object) =>
    expect.poll(async () => (await api.ask('GET', `/v1/webhooks/${id}`)).body, { timeout: 20_000 }).toMatchObject(state)

  it('knows every success that was written before the command, however far behind the read models are', async () => {
    const { id, createdAt } = await aWebhook(api)
    const since = createdAt + 1
    const noise = Array.from({ length: 3_000 }, (_, i) =>
      encodeFact(topics.deliveryLog, anAttempt(api, 'whk_other', createdAt + i, { kind: 'succeeded', status: 200 })),
    )
    const success = anAttempt(api, id, since + 5, { kind: 'succeeded', status: 200 })
    await producer.send([...noise, encodeFact(topics.deliveryLog, success)])
    await command(aCommand(id, since))

    await expect.poll(() => versionOf(id), { timeout: 20_000 }).toBe(2)
    await withState(id, { state: 'active', disabled_reason: null })
  })

  it('disables once, however often the command comes', async () => {
    const { id, createdAt } = await aWebhook(api)
    const since = createdAt + 1
    const failure = anAttempt(api, id, since, { kind: 'failed', reason: 'http_status', status: 500 })
    await producer.send([encodeFact(topics.deliveryLog, failure)])
    await command(aCommand(id, since), aCommand(id, since))
    await command(aCommand(id, since))

    await withState(id, { state: 'disabled', disabled_reason: 'failing', failing_since: new Date(since).toISOString() })
    await command(aCommand(id, since, { reason: 'gone' }))
    await expect.poll(verdicts, { timeout: 20_000 }).toContainEqual(expect.stringMatching(/gone.*outdated.* [1-9]/))
    expect(await versionOf(id)).toBe(2)
    expect(await api.database.query('select kind from notifications where webhook_id = $1', [id])).toHaveLength(1)
  })

  it('goes on after a record that is no command', async () => {
    const { id, createdAt } = await aWebhook(api)
    await producer.send([{ topic: topics.webhookCommands, key: id, value: '{"kind":"dance"}', headers: {} }])
    await command(aCommand(id, createdAt, { reason: 'gone' }))
    await withState(id, { state: 'disabled', disabled_reason: 'gone' })
    const letters = await api.recordsOf(topics.deadLetter, 1)
    expect(letters[0]!.headers['dead-letter-problem']).toContain('is not a command')
  })

  it('puts off what it cannot judge in time, and does it when the command comes again', async () => {
    const { id, createdAt } = await aWebhook(api)
    const progress = api.running.app.get(ReadModelProgress)
    const real = progress.caughtUp.bind(progress)
    progress.caughtUp = async () => false
    await command(aCommand(id, createdAt + 1))
    await expect.poll(verdicts, { timeout: 20_000 }).toContainEqual(expect.stringMatching(/put_off.* [1-9]/))
    expect(await versionOf(id)).toBe(1)

    progress.caughtUp = real
    await command(aCommand(id, createdAt + 1))
    await withState(id, { state: 'disabled' })
  })

  it('tries again when Postgres was away', async () => {
    const { id, createdAt } = await aWebhook(api)
    const store = api.running.app.get(DisableStore)
    const real = store.follow.bind(store)
    let failed = 0
    store.follow = () => {
      if (++failed > 2) store.follow = real
      return Promise.reject(new Error('away'))
    }
    await command(aCommand(id, createdAt, { reason: 'gone' }))
    await withState(id, { state: 'disabled' })
    expect(failed).toBe(3)
  })

  it('waits no longer than it may for read models that do not get on', async () => {
    const progress = api.running.app.get(ReadModelProgress)
    await api.running.app.get(Projector).consumer.close()
    await producer.send([
      encodeFact(topics.deliveryLog, anAttempt(api, 'whk_other', Date.now(), { kind: 'succeeded', status: 200 })),
    ])
    const startedAt = Date.now()
    expect(await progress.caughtUp(300)).toBe(false)
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(300)
  })
})
