import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RetrySchedule } from '#domain'
import { KafkaConnection, TopicAdmin } from '#kafka'
import { KAFKA_USERS, type KafkaUser, TopicMap, permissionsOf } from '#topics'
import { askAdmin, runAdmin } from '../local/src/admin-command.js'
import { eventually } from './support/eventually.js'
import { Pipeline, QUICK_SCHEDULE } from './support/pipeline.js'
import { Receiver } from './support/receiver.js'
import { SecuredKafka } from './support/secured-kafka.js'

const SERVICES = ['api', 'fanout', 'dispatcher'] as const
const DAY_MS = 86_400_000
const prefix = `access-${randomBytes(4).toString('hex')}.`
const topics = new TopicMap({
  prefix,
  schedule: RetrySchedule.parse(QUICK_SCHEDULE),
  eventRetentionMs: DAY_MS,
  deliveryRetentionMs: DAY_MS,
  deliveryMaxAgeMs: DAY_MS,
})

let kafka: SecuredKafka
let pipeline: Pipeline
let receiver: Receiver

beforeAll(async () => {
  kafka = await SecuredKafka.start()
  for (const user of KAFKA_USERS) await kafka.grant(user, permissionsOf(user, topics))
  const environments = await Promise.all(KAFKA_USERS.map(async (user) => [user, await kafka.environmentOf(user)]))
  ;[pipeline, receiver] = await Promise.all([
    Pipeline.start({
      kafkaBrokers: kafka.brokers,
      environment: { KAFKA_TOPIC_PREFIX: prefix },
      environmentOf: Object.fromEntries(environments),
    }),
    Receiver.start(),
  ])
})
afterAll(async () => {
  await pipeline?.stop()
  await receiver?.stop()
  await kafka?.stop()
})

const statusOf = async (webhookId: string) => {
  const { data } = await pipeline.owner.expect<{ data: { id: string; status: string }[] }>(
    'GET',
    `/v1/webhooks/${webhookId}/deliveries`,
  )
  return data
}

async function isSettled(webhookId: string, status: string): Promise<string> {
  return eventually(async () => {
    const [delivery] = await statusOf(webhookId)
    expect(delivery?.status).toBe(status)
    return delivery!.id
  })
}

async function denials(): Promise<string[]> {
  return (await readFile(kafka.logFile, 'utf8')).split('\n').filter((line) => line.includes('is Denied'))
}

describe('each service as a user of its own, on a Kafka that denies everything else', () => {
  it('does all of its work with what it was granted', async () => {
    const { owner } = pipeline
    const flaky = await owner.createWebhook(
      receiver.url('/flaky', (_, earlier) => (earlier.length === 0 ? 500 : 200)),
      ['context.created'],
    )
    const gone = await owner.createWebhook(
      receiver.url('/gone', () => 410),
      ['context.updated'],
    )
    const failing = await owner.createWebhook(
      receiver.url('/failing', () => 500),
      ['context.deleted'],
    )
    for (const type of ['context.created', 'context.updated', 'context.deleted']) await pipeline.publish({ type })

    const delivered = await isSettled(flaky.id, 'delivered')
    await isSettled(gone.id, 'gone')
    await eventually(async () => {
      expect(await owner.expect('GET', `/v1/webhooks/${gone.id}`)).toMatchObject({ state: 'disabled' })
    })
    await owner.expect('POST', `/v1/webhooks/${flaky.id}/test`, {})
    await owner.expect('POST', `/v1/deliveries/${delivered}/redeliver`)
    await eventually(() => expect(receiver.at('/flaky')).toHaveLength(4))
    await isSettled(failing.id, 'exhausted')
    const since = new Date(Date.now() - DAY_MS / 2).toISOString()
    const replay = await owner.expect<{ id: string }>('POST', `/v1/webhooks/${flaky.id}/replays`, {
      since,
      only: 'all',
    })
    await eventually(async () => {
      expect(await owner.expect('GET', `/v1/replays/${replay.id}`)).toMatchObject({ state: 'done' })
    })
    await eventually(() => expect(receiver.at('/flaky')).toHaveLength(5))
    await owner.expect('DELETE', `/v1/webhooks/${gone.id}`)

    expect(await runAdmin(['dead-letters', 'list'], pipeline.admin)).toContain(failing.id)
    await runAdmin(['dead-letters', 'replay'], pipeline.admin)
    await isSettled(failing.id, 'exhausted')
    expect(await askAdmin(['rebuild'], pipeline.admin)).toMatchObject({ resumed: false })
    expect(await askAdmin(['audit', '--since', '1h'], pipeline.admin)).toMatchObject({ missing: [] })
    expect(await denials()).toEqual([])
  })

  it('logs in to Postgres as itself, too, and has no key to the secrets where it is fan-out', async () => {
    const environments = await Promise.all(
      SERVICES.map((service) => readFile(`/proc/${pipeline.service(service).pid}/environ`, 'latin1')),
    )
    const variable = (name: string) => environments.map((each) => new RegExp(`\\0${name}=([^\\0]+)`).exec(each)?.[1])
    const users = variable('DATABASE_URL').map((url) => new URL(url!).username)
    expect(users).toEqual([
      'postgres',
      expect.stringMatching(/_fanout_user$/),
      expect.stringMatching(/_dispatcher_user$/),
    ])
    expect(variable('SECRETS_KEY').map((key) => key !== undefined)).toEqual([true, false, true])
  })

  it.each(SERVICES)('is refused whatever it was not granted: %s', async (user) => {
    await pipeline.stop()
    const granted = permissionsOf(user, topics)
    const isGranted = (operation: 'read' | 'write', topic: string) =>
      granted.some(
        ({ resource, name, isPrefix, operations }) =>
          resource === 'topic' &&
          operations.includes(operation) &&
          (isPrefix ? topic.startsWith(name) : topic === name),
      )
    const outcomes = await tryEverything(user)

    const expected = topics.specs.map(({ name }) => ({
      name,
      read: isGranted('read', name) ? 'done' : 'denied',
      write: isGranted('write', name) ? 'done' : 'denied',
    }))
    expect(outcomes).toEqual(expected)
    // Both happen, or the comparison says nothing.
    expect(new Set(outcomes.flatMap(({ read, write }) => [read, write])).size).toBe(2)
  })

  it('is refused the groups of others, without a password, and a broker that no authority vouches for', async () => {
    const settings = await settingsOf('dispatcher')
    const offsetsOf = (group: string) =>
      outcomeOf(settings, async (connection) => {
        const admin = new TopicAdmin(connection)
        await admin.committed(prefix + group, [topics.deliveries]).finally(() => admin.close())
      })
    // The search for its coordinator is refused already, and kafkajs keeps the reason to itself.
    expect(await offsetsOf('fanout')).toBe('Failed to find group coordinator')
    const denied = new RegExp(`User:dispatcher is Denied .* Group:LITERAL:${prefix}fanout`)
    await eventually(async () => expect((await denials()).join('\n')).toMatch(denied))
    expect(await offsetsOf('dispatcher')).toBe('done')

    const read = (each: Settings) => outcomeOf(each, (connection) => readOne(connection, topics.deliveries))
    const { mechanism, username } = settings.sasl
    const { password } = (await settingsOf('fanout')).sasl
    // All three named: kafkajs leaves a function with the right password in what it was given.
    expect(await read({ ...settings, sasl: { mechanism, username, password } })).toMatch(/authentication/i)
    expect(await read({ ...settings, ssl: true })).toMatch(/certificate/i)
    const byAnotherName = settings.brokers.map((broker) => broker.replace('localhost', '127.0.0.1'))
    expect(await read({ ...settings, brokers: byAnotherName })).toMatch(/altnames/i)
  })
})

async function settingsOf(user: KafkaUser) {
  const { KAFKA_SSL_CA_FILE, KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD } = await kafka.environmentOf(user)
  return {
    brokers: [kafka.brokers],
    clientId: 'test',
    ssl: { ca: await readFile(KAFKA_SSL_CA_FILE!, 'utf8') },
    sasl: { mechanism: 'scram-sha-512' as const, username: KAFKA_SASL_USERNAME!, password: KAFKA_SASL_PASSWORD! },
  }
}

type Settings = Omit<Awaited<ReturnType<typeof settingsOf>>, 'ssl'> & { ssl: true | { ca: string } }

async function tryEverything(user: KafkaUser): Promise<{ name: string; read: string; write: string }[]> {
  const settings = await settingsOf(user)
  const outcomes = []
  for (const { name } of topics.specs) {
    outcomes.push({
      name,
      read: await outcomeOf(settings, (connection) => readOne(connection, name)),
      write: await outcomeOf(settings, (connection) => writeOne(connection, name)),
    })
  }
  return outcomes
}

/** `done`, `denied`, or the message of whatever else went wrong. */
async function outcomeOf(settings: Settings, work: (connection: KafkaConnection) => Promise<unknown>): Promise<string> {
  const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
  try {
    await work(new KafkaConnection(settings, silent))
    return 'done'
  } catch (error) {
    const { message } = error as Error
    return /not authorized/i.test(message) ? 'denied' : message
  }
}

async function readOne(connection: KafkaConnection, topic: string): Promise<void> {
  const link = connection.link(5_000)
  try {
    await link.run([topic], async (cluster) => {
      const { leader } = cluster.findTopicPartitionMetadata(topic).find(({ partitionId }) => partitionId === 0)!
      const partition = { partition: 0, fetchOffset: '0', maxBytes: 1_024 }
      const broker = await cluster.findBroker({ nodeId: leader })
      await broker.fetch({
        maxWaitTime: 10,
        minBytes: 0,
        maxBytes: 1_024,
        isolationLevel: 1,
        topics: [{ topic, partitions: [partition] }],
      })
    })
  } finally {
    link.close()
  }
}

async function writeOne(connection: KafkaConnection, topic: string): Promise<void> {
  const { kafka: client, end } = connection.client(5_000)
  const producer = client.producer({ retry: { retries: 0 } })
  await producer.connect()
  try {
    await producer.send({ topic, messages: [{ key: 'k', value: 'from a stranger' }] })
  } finally {
    await producer.disconnect()
    end()
  }
}
