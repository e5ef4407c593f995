import { randomBytes } from 'node:crypto'
import { type ApiConfig, readApiConfig } from '#config'
import { newId } from '#domain'
import { KafkaConnection, TopicAdmin } from '#kafka'
import { freePort, waitUntil } from '#local'
import { AccountStore, ApiKeyStore, Database, migrate } from '#postgres'
import { type ReceivedMessage, TopicMap } from '#topics'
import { createKey, hashOfKey } from '../accounts/key-format.js'
import { ACCOUNT_SCOPES, PRODUCER_SCOPE } from '../accounts/scopes.js'
import { type RunningApi, startApi } from '../start-api.js'
import { AnswerSchemas, type OpenApi } from './answer-schemas.testing.js'
import { keptLog } from './kept-log.testing.js'

export interface TestServers {
  kafkaBrokers: string
  databaseUrl: string
}

/** The fields that tests read. Whether they are there is for the OpenAPI document, which every answer is held to. */
export interface AnswerBody {
  [field: string]: unknown
  id: string
  name: string
  secret: string
  created_at: string
  updated_at: string
  trace_id: string
  detail: string
  errors: { pointer: string; detail: string }[]
  data: { id: string; name: string; type: string; sample: { type: string } }[]
  next_cursor: string | null
  has_more: boolean
}

export interface Answer {
  status: number
  headers: Headers
  /** Parsed where it is JSON. */
  body: AnswerBody
  text: string
}

export interface Ask {
  body?: unknown
  /** Sent as it is; `body` is stringified. */
  raw?: string | Buffer<ArrayBuffer>
  key?: string | null
  headers?: Record<string, string>
  /** Whom to ask, where it is another replica. */
  at?: RunningApi
}

/** The whole service in this process, on a database and topics of its own, with two accounts and a producer. */
export class TestApi {
  private constructor(
    readonly config: ApiConfig,
    readonly running: RunningApi,
    readonly database: Database,
    readonly keys: TestKeys,
    readonly schemas: AnswerSchemas,
  ) {}

  static async start(servers: TestServers, environment: Record<string, string> = {}): Promise<TestApi> {
    const config = readApiConfig({
      API_PORT: String(await freePort()),
      MANAGEMENT_PORT: String(await freePort()),
      KAFKA_BROKERS: servers.kafkaBrokers,
      KAFKA_TOPIC_PREFIX: `t${randomBytes(4).toString('hex')}.`,
      KAFKA_PARTITIONS: '3',
      KAFKA_REPLICATION_FACTOR: '1',
      DATABASE_URL: await ownDatabase(servers.databaseUrl),
      SECRETS_KEY: randomBytes(32).toString('base64'),
      // Tests ask as fast as they can; the limit has its own.
      RATE_LIMIT_PER_KEY: '10000/s',
      ...environment,
    })
    const database = new Database({ url: config.databaseUrl, applicationName: 'test', poolSize: 2 })
    await migrate(database)
    const keys = await seedKeys(database)
    await createTopics(config)
    const running = await startApi(config, keptLog())
    const document = (await (await fetch(`${running.url}/openapi.json`)).json()) as OpenApi
    return new TestApi(config, running, database, keys, new AnswerSchemas(document))
  }

  /** Asks, and holds the answer to what the OpenAPI document says of it. */
  async ask(method: string, path: string, { body: value, raw, key, headers, at }: Ask = {}): Promise<Answer> {
    const payload = raw ?? (value === undefined ? undefined : JSON.stringify(value))
    const response = await fetch((at ?? this.running).url + path, {
      method,
      headers: {
        ...(key !== null && { authorization: `Bearer ${key ?? this.keys.account}` }),
        ...(payload !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(payload !== undefined && { body: payload }),
    })
    const text = await response.text()
    const isJson = /json/.test(response.headers.get('content-type') ?? '')
    const body = (isJson ? JSON.parse(text) : {}) as AnswerBody
    const answer = { status: response.status, headers: response.headers, body, text }
    this.schemas.assertDescribed(method, path, answer)
    return answer
  }

  /** One more process of the same service, on the same database and topics; whoever starts it stops it. */
  async replica(): Promise<RunningApi> {
    const config = { ...this.config, port: await freePort(), managementPort: await freePort() }
    return startApi(config, keptLog())
  }

  /** A key of the account, or of nobody: a producer's. Known to every replica at its first use. */
  async createKey(accountId: string | null, scopes: readonly string[]): Promise<{ id: string; key: string }> {
    return addKey(this.database, accountId, scopes)
  }

  /** Everything that is in a topic, once that is at least `least` records. */
  async recordsOf(topic: string, least: number): Promise<ReceivedMessage[]> {
    const { kafka, end } = new KafkaConnection({ ...this.config.kafka, clientId: 'test' }, noLog).client(10_000)
    const consumer = kafka.consumer({ groupId: randomBytes(8).toString('hex'), maxWaitTimeInMs: 100 })
    const records: ReceivedMessage[] = []
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ message }) => {
        const headers = Object.entries(message.headers ?? {}).map(([name, value]) => [name, String(value)])
        records.push({
          key: message.key?.toString() ?? null,
          value: message.value,
          headers: Object.fromEntries(headers),
          timestamp: Number(message.timestamp),
        })
      },
    })
    await waitUntil(`${least} records in ${topic}`, async () => records.length >= least, { timeoutMs: 15_000 })
    await consumer.disconnect()
    end()
    return records
  }

  async stop(): Promise<void> {
    await this.running.stop()
    await this.database.close()
  }
}

export interface TestKeys {
  accountId: string
  /** Of the account, with every scope an account's key can have. */
  account: string
  otherAccountId: string
  otherAccount: string
  producer: string
}

async function seedKeys(database: Database): Promise<TestKeys> {
  const accounts = new AccountStore(database)
  const add = async (accountId: string | null, scopes: readonly string[]) =>
    (await addKey(database, accountId, scopes)).key
  const [accountId, otherAccountId] = [newId('acc'), newId('acc')]
  for (const id of [accountId, otherAccountId]) await accounts.create({ id, name: 'Test', email: 'owner@example.com' })
  return {
    accountId,
    account: await add(accountId, ACCOUNT_SCOPES),
    otherAccountId,
    otherAccount: await add(otherAccountId, ACCOUNT_SCOPES),
    producer: await add(null, [PRODUCER_SCOPE]),
  }
}

async function addKey(database: Database, accountId: string | null, scopes: readonly string[]) {
  const [id, key] = [newId('key'), createKey()]
  await new ApiKeyStore(database).create({
    id,
    accountId,
    name: 'test',
    scopes: [...scopes],
    hash: hashOfKey(key),
  })
  return { id, key }
}

async function ownDatabase(serverUrl: string): Promise<string> {
  const name = `api_${randomBytes(6).toString('hex')}`
  const server = new Database({ url: serverUrl, applicationName: 'test', poolSize: 1 })
  await server.query(`create database ${name}`)
  await server.close()
  const url = new URL(serverUrl)
  url.pathname = `/${name}`
  return url.toString()
}

const silent = () => undefined
const noLog = { debug: silent, info: silent, warn: silent, error: silent }

async function createTopics(config: ApiConfig): Promise<void> {
  const { partitions, replicationFactor } = config.topics
  const admin = new TopicAdmin(new KafkaConnection({ ...config.kafka, clientId: 'test' }, noLog))
  const specs = new TopicMap(config.topics).specs.map((spec) => ({ partitions, replicationFactor, ...spec }))
  // A busy broker may deny for a moment that it has what it has just made; the second look finds it.
  await admin.ensureTopics(specs).catch(() => admin.ensureTopics(specs))
  await admin.close()
}
