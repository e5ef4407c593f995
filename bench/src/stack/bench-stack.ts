import { randomBytes } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort, waitUntil } from '../../../local/src/index.js'
import { runAdmin, type AdminOptions } from '../../../local/src/admin-command.js'
import { ApiClient } from '../../../local/src/api-client.js'
import { serviceEnvironment, type ServiceName, type StackSettings } from '../../../local/src/service-environment.js'
import { ServiceProcess } from '../../../local/src/service-process.js'
import type { Pids } from '../measure/usage.js'
import type { Audience } from './audience.js'
import { type BenchAccount, createAccounts, createProducerKey } from './bench-accounts.js'
import type { BenchServers } from './bench-servers.js'
import { ClusterTopics } from './cluster-topics.js'
import { createDatabase, dropDatabase } from './own-database.js'

export interface StackOptions {
  servers: BenchServers
  /** For logs. */
  folder: string
  /** What the dispatcher trusts. */
  authoritiesFile: string
  accounts: number
  services: readonly ServiceName[]
  /** Where the services write CPU profiles when they end; without it they write none. */
  profileFolder?: string
  signal: AbortSignal
}

// Webhooks are made and removed by the hundred; more than the API's own pool of connections only queues there.
const configurationCallsAtOnce = 8
const keysLimitMs = 15_000

/** The product as it runs in production, on topics and a database of its own. */
export class BenchStack {
  readonly apiUrl: string
  readonly topics: ClusterTopics
  /** Aborted when the run is stopped, or when one of the processes ends: no figure is worth anything then. */
  readonly signal: AbortSignal
  producerKey = ''
  databaseUrl = ''
  accounts: BenchAccount[] = []
  /** The API's management port. */
  managementUrl = ''
  private readonly name = `bench_${randomBytes(4).toString('hex')}`
  private readonly died = new AbortController()
  private readonly services: ServiceProcess[] = []
  private webhooks: { id: string; key: string }[] = []
  private stopping = false

  private constructor(
    private readonly options: StackOptions,
    apiPort: number,
  ) {
    this.apiUrl = `http://127.0.0.1:${apiPort}`
    this.signal = AbortSignal.any([options.signal, this.died.signal])
    this.topics = new ClusterTopics(options.servers.kafka.brokers, `${this.name}.`)
  }

  /** @throws when it cannot be started; whatever ran by then has ended */
  static async start(options: StackOptions): Promise<BenchStack> {
    const apiPort = await freePort()
    const stack = new BenchStack(options, apiPort)
    try {
      await stack.bringUp(apiPort)
      return stack
    } catch (error) {
      await stack.stop()
      throw error
    }
  }

  get pids(): Pids {
    const { kafka, postgres } = this.options.servers
    const services = Object.fromEntries(this.services.map(({ name, pid }) => [name, pid])) as Pids
    return { ...services, broker: kafka.pid, postgres: postgres.pid }
  }

  /** Gives every webhook of the audience its URL. */
  async subscribe(audience: Audience, urlOf: (webhook: number) => string): Promise<void> {
    const api = new ApiClient(this.apiUrl)
    const wanted = audience.groups.flatMap((group) => group.webhooks.map((webhook) => ({ ...group, webhook })))
    await inTurns(wanted, async ({ accountId, type, webhook }) => {
      const { key } = this.accounts.find(({ id }) => id === accountId)!
      const body = { name: `Webhook ${webhook}`, url: `${urlOf(webhook)}/w/${webhook}`, events: [type] }
      const { id } = await api.expect('POST', '/v1/webhooks', key, body)
      this.webhooks.push({ id: String(id), key })
    })
  }

  /** Removes every webhook: what is still to be delivered to it ends as cancelled, and disturbs nobody later. */
  async unsubscribeAll(): Promise<void> {
    const api = new ApiClient(this.apiUrl)
    const gone = this.webhooks
    this.webhooks = []
    await inTurns(gone, async ({ id, key }) => void (await api.expect('DELETE', `/v1/webhooks/${id}`, key)))
  }

  async stop(): Promise<void> {
    this.stopping = true
    await Promise.all(this.services.map((service) => service.stop()))
    // What the broker and the database keep is of use only while they live on, for the next scenario.
    if (this.options.signal.aborted) return
    await Promise.all([this.topics.delete(), dropDatabase(this.options.servers.postgres.databaseUrl, this.name)])
  }

  private async bringUp(apiPort: number): Promise<void> {
    const { servers, folder, authoritiesFile, services, signal } = this.options
    await mkdir(folder, { recursive: true })
    this.databaseUrl = await createDatabase(servers.postgres.databaseUrl, this.name)
    const settings: StackSettings = {
      apiPort,
      managementPorts: { api: await freePort(), fanout: await freePort(), dispatcher: await freePort() },
      kafkaBrokers: servers.kafka.brokers,
      kafkaIsOurs: true,
      databaseUrl: this.databaseUrl,
      secretsKey: randomBytes(32).toString('base64'),
      authoritiesFile,
    }
    this.managementUrl = `http://127.0.0.1:${settings.managementPorts.api}`
    const environment = (service: ServiceName) => serviceEnvironment(service, settings, this.environment)
    const admin: AdminOptions = { environment: environment('api'), logFile: join(folder, 'admin.log'), signal }
    await Promise.all([runAdmin(['migrate'], admin), runAdmin(['create-topics'], admin)])
    this.accounts = await createAccounts(this.options.accounts, admin)
    this.producerKey = await createProducerKey(admin)
    await Promise.all(services.map((name) => this.startService(name, settings, this.profiled(environment(name)))))
    await this.awaitKeys()
  }

  // Nothing of the shell's environment reaches the services, so that two runs differ in nothing that nobody wrote down.
  private get environment(): NodeJS.ProcessEnv {
    return {
      KAFKA_TOPIC_PREFIX: `${this.name}.`,
      EGRESS_ALLOW_HTTP: 'true',
      RATE_LIMIT_PER_KEY: '10000/s',
      LOG_LEVEL: 'info',
    }
  }

  private profiled(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
    const { profileFolder } = this.options
    if (profileFolder === undefined) return environment
    const recorder = new URL('../measure/record-profile.js', import.meta.url)
    recorder.searchParams.set('folder', profileFolder)
    return { ...environment, NODE_OPTIONS: `${environment.NODE_OPTIONS} --import ${recorder.href}` }
  }

  private async startService(name: ServiceName, settings: StackSettings, environment: NodeJS.ProcessEnv) {
    const logFile = join(this.options.folder, `${name}.log`)
    const managementPort = settings.managementPorts[name]
    const { signal } = this.options
    const service = new ServiceProcess({ name, environment, managementPort, logFile, signal })
    await service.launch()
    this.services.push(service)
    void service.ended.then(async (end) => {
      if (this.stopping) return
      const words = (await readFile(logFile, 'utf8')).slice(-2000)
      this.died.abort(new Error(`${name} ended (${end.signal ?? `code ${end.code}`}):\n${words}`))
    })
    await service.becomeReady()
  }

  private async awaitKeys(): Promise<void> {
    const api = new ApiClient(this.apiUrl)
    const keys = [this.producerKey, ...this.accounts.map(({ key }) => key)]
    const known = async (): Promise<boolean> => {
      const answers = await Promise.all(keys.map((key) => api.request('GET', '/v1/me', key)))
      return answers.every(({ status }) => status === 200)
    }
    await waitUntil('the API knowing the keys', known, { timeoutMs: keysLimitMs, signal: this.signal })
  }
}

async function inTurns<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = [...items]
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item)
  }
  await Promise.all(Array.from({ length: configurationCallsAtOnce }, worker))
}
