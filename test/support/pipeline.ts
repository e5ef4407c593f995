import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { inject } from 'vitest'
import { freePort, removeWithUs } from '../../local/src/index.js'
import { askAdmin, runAdmin } from '../../local/src/admin-command.js'
import { ServiceProcess } from '../../local/src/service-process.js'
import { type ReaderRoles, createServiceUsers } from '../../local/src/service-users.js'
import { ApiClient, type EventAccepted } from './api-client.js'
import { testAuthority } from './test-authority.js'

type ServiceName = 'api' | 'fanout' | 'dispatcher'

/** Five waits short enough for a test, long enough to be told apart. */
export const QUICK_SCHEDULE = '1s,1s,2s,2s,3s'

/** Of every topic. */
export const PARTITIONS = 4

export interface PipelineOptions {
  environment?: Record<string, string>
  /** What one service is told, or who creates the topics, beside that. */
  environmentOf?: Partial<Record<ServiceName | 'setup', Record<string, string>>>
  dispatchers?: number
  /** Servers of the test's own, to be killed; the shared ones otherwise. */
  kafkaBrokers?: string
  databaseUrl?: string
}

/** The whole product as its users run it: three services as processes, on a real Kafka and a real Postgres. */
export class Pipeline {
  readonly #stopping = new AbortController()

  private constructor(
    private readonly environment: NodeJS.ProcessEnv,
    private readonly own: NonNullable<PipelineOptions['environmentOf']>,
    private readonly readerUrls: ReaderRoles,
    readonly folder: string,
    readonly apiUrl: string,
    readonly services: Map<string, ServiceProcess>,
    private readonly managementPorts: Map<string, number>,
    readonly producerKey: string,
    readonly account: { id: string; key: string },
  ) {}

  static async start(options: PipelineOptions = {}): Promise<Pipeline> {
    const folder = await mkdtemp(join(tmpdir(), 'webhooks-e2e-'))
    removeWithUs(folder)
    const apiPort = await freePort()
    const environment: NodeJS.ProcessEnv = {
      ...process.env,
      KAFKA_BROKERS: options.kafkaBrokers ?? inject('kafkaBrokers'),
      KAFKA_TOPIC_PREFIX: `e2e-${randomBytes(4).toString('hex')}.`,
      KAFKA_PARTITIONS: String(PARTITIONS),
      KAFKA_REPLICATION_FACTOR: '1',
      DATABASE_URL: options.databaseUrl ?? (await ownDatabase(inject('databaseUrl'))),
      API_PORT: String(apiPort),
      SECRETS_KEY: randomBytes(32).toString('base64'),
      RETRY_SCHEDULE: QUICK_SCHEDULE,
      // Tests look again and again until something is so.
      RATE_LIMIT_PER_KEY: '10000/s',
      EGRESS_ALLOWED_CIDRS: '127.0.0.0/8,::1/128',
      EGRESS_CA_FILE: (await testAuthority()).caFile,
      ...options.environment,
    }
    const own = options.environmentOf ?? {}
    const admin = {
      environment: { ...environment, ...own.api },
      logFile: join(folder, 'admin.log'),
      signal: new AbortController().signal,
    }
    const setup = { ...admin, environment: { ...environment, ...own.setup } }
    const [{ roles }] = await Promise.all([askAdmin(['migrate'], admin), runAdmin(['create-topics'], setup)])
    const readerUrls = await createServiceUsers(environment.DATABASE_URL!, roles as ReaderRoles)
    const account = await Pipeline.#account(admin)
    const producer = await askAdmin(['keys', 'create', '--producer', '--name', 'e2e'], admin)
    const services = new Map<string, ServiceProcess>()
    const ports = new Map<string, number>()
    const pipeline = new Pipeline(
      environment,
      own,
      readerUrls,
      folder,
      `http://127.0.0.1:${apiPort}`,
      services,
      ports,
      String(producer.key),
      account,
    )
    try {
      await Promise.all([
        pipeline.add('api'),
        pipeline.add('fanout'),
        ...Array.from({ length: options.dispatchers ?? 1 }, (_, i) =>
          pipeline.add('dispatcher', i === 0 ? 'dispatcher' : `dispatcher-${i + 1}`),
        ),
      ])
    } catch (error) {
      await pipeline.stop()
      throw error
    }
    return pipeline
  }

  /** Starts one more process of a service and waits until it is ready; `changes` are to its environment alone. */
  async add(
    service: ServiceName,
    instance: string = service,
    changes: Record<string, string> = {},
  ): Promise<ServiceProcess> {
    const managementPort = await freePort()
    const process = new ServiceProcess({
      name: service,
      environment: { ...this.environmentOf(service), MANAGEMENT_PORT: String(managementPort), ...changes },
      managementPort,
      logFile: this.logFile(instance),
      signal: this.#stopping.signal,
    })
    this.services.set(instance, process)
    this.managementPorts.set(instance, managementPort)
    await process.launch()
    await process.becomeReady()
    return process
  }

  /** As a rollout does: every process stops and starts again, one after the other, with these variables changed. */
  async reconfigure(changes: Record<string, string>): Promise<void> {
    Object.assign(this.environment, changes)
    for (const [instance, process] of [...this.services]) {
      await process.stop()
      await this.add(process.name, instance)
    }
  }

  /** As in production: fan-out never sees a secret, and each service logs in to the database as itself. */
  environmentOf(service: ServiceName): NodeJS.ProcessEnv {
    const { SECRETS_KEY, ...withoutSecrets } = this.environment
    return {
      ...withoutSecrets,
      ...(service !== 'api' && { DATABASE_URL: this.readerUrls[service] }),
      ...(service !== 'fanout' && { SECRETS_KEY }),
      ...this.own[service],
    }
  }

  service(instance: string): ServiceProcess {
    const process = this.services.get(instance)
    if (!process) throw new Error(`no service ${instance} was started`)
    return process
  }

  /** The account's own client; `webhooks:*` and `deliveries:*`. */
  get owner(): ApiClient {
    return new ApiClient(this.apiUrl, this.account.key)
  }

  get producer(): ApiClient {
    return new ApiClient(this.apiUrl, this.producerKey)
  }

  /** A second account beside the pipeline's own. */
  async newAccount(): Promise<{ id: string; client: ApiClient }> {
    const { id, key } = await Pipeline.#account(this.admin)
    return { id, client: new ApiClient(this.apiUrl, key) }
  }

  publish(event: { type?: string; name?: string; id?: string; accountId?: string } = {}): Promise<EventAccepted> {
    return this.producer.expect('POST', '/v1/events', this.event(event))
  }

  event({
    type = 'context.updated',
    name = 'My AI Assistant',
    id,
    accountId = this.account.id,
  }: {
    type?: string
    name?: string
    id?: string
    accountId?: string
  } = {}) {
    return {
      account_id: accountId,
      type,
      context: {
        id: '550e8400-e29b-41d4-a716-446655440000',
        name,
        slug: 'my-ai-assistant',
        updated_at: '2024-01-15T14:45:00Z',
      },
      ...(id !== undefined && { id }),
    }
  }

  get admin() {
    return {
      environment: { ...this.environment, ...this.own.api },
      logFile: join(this.folder, 'admin.log'),
      signal: new AbortController().signal,
    }
  }

  get kafkaBrokers(): string {
    return this.environment.KAFKA_BROKERS!
  }

  get topicPrefix(): string {
    return this.environment.KAFKA_TOPIC_PREFIX!
  }

  get databaseUrl(): string {
    return this.environment.DATABASE_URL!
  }

  logFile(instance: string): string {
    return join(this.folder, `${instance}.log`)
  }

  log(instance: string): Promise<string> {
    return readFile(this.logFile(instance), 'utf8')
  }

  async metrics(instance: string): Promise<string> {
    const port = this.managementPorts.get(instance)
    return (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  }

  /** The status of a health check. @throws when nothing listens, or it is too busy to answer */
  async health(instance: string, check: 'live' | 'ready' | 'started'): Promise<number> {
    const port = this.managementPorts.get(instance)
    const answer = await fetch(`http://127.0.0.1:${port}/health/${check}`, { signal: AbortSignal.timeout(2_000) })
    await answer.body?.cancel()
    return answer.status
  }

  async isReady(instance: string): Promise<boolean> {
    try {
      return (await this.health(instance, 'ready')) === 200
    } catch {
      // Not listening, or too busy to answer: both mean "not ready".
      return false
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await Promise.all([...this.services.values()].map((process) => process.stop()))
  }

  static async #account(admin: Pipeline['admin']): Promise<{ id: string; key: string }> {
    const account = await askAdmin(['accounts', 'create', '--name', 'E2E', '--email', 'owner@example.com'], admin)
    const scopes = 'webhooks:read,webhooks:write,deliveries:read,deliveries:write'
    const key = await askAdmin(['keys', 'create', '--account', String(account.id), '--scopes', scopes], admin)
    return { id: String(account.id), key: String(key.key) }
  }
}

/** A database of its own beside the given one. */
async function ownDatabase(url: string): Promise<string> {
  const name = `e2e_${randomBytes(6).toString('hex')}`
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(`create database ${name}`)
  } finally {
    await client.end()
  }
  const own = new URL(url)
  own.pathname = `/${name}`
  return own.toString()
}
