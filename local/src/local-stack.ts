import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { askAdmin, runAdmin, type AdminOptions } from './admin-command.js'
import { adminVariablesOf } from './admin-environment.js'
import { ApiClient } from './api-client.js'
import { makeTrustedAuthority } from './authorities-file.js'
import type { Certificate } from './certificates.js'
import { Children } from './children.js'
import type { StartConsole } from './console.js'
import type { SeenDelivery } from './delivery-line.js'
import { acceptsKeys, createLocalAccount, type LocalAccount } from './local-account.js'
import type { LocalFolder } from './local-folder.js'
import { chooseServicePorts, keepPorts } from './ports.js'
import { writePrivateJson } from './private-file.js'
import type { RunClaim } from './run-file.js'
import { Sample } from './sample.js'
import { removeSampleWebhook } from './sample-webhook.js'
import { serviceEnvironment, serviceNames, type ServiceName, type StackSettings } from './service-environment.js'
import { ServiceProcess } from './service-process.js'
import { createServiceUsers, type ReaderRoles } from './service-users.js'
import { stackFile, stackPids, type StackFile } from './stack-file.js'
import { startKafka, startPostgres } from './stack-servers.js'
import { readState, writeState, type LocalState } from './state-file.js'
import { waitUntil } from './wait-until.js'

export interface LocalStackOptions {
  folder: LocalFolder
  claim: RunClaim
  out: StartConsole
  /** Aborted when somebody wants it to stop, also in the middle of the start. */
  signal: AbortSignal
  sample: boolean
  onDelivery(seen: SeenDelivery): void
}

// The API takes new keys into account within 2 s.
const keysLimitMs = 10_000
const readyLimitMs = 60_000

/** Everything behind `npm start`, from nothing to a verified delivery, and back down again. */
export class LocalStack {
  private readonly children: Children
  private readonly beginnings: Promise<unknown>[] = []
  private readonly state: LocalState
  private readonly failing = new AbortController()
  /** Ends every wait: the user wants to stop, or some other part of the start has failed. */
  private readonly signal: AbortSignal
  private stack: StackFile | undefined
  private sample: Sample | undefined
  private writing: Promise<void> = Promise.resolve()

  constructor(private readonly options: LocalStackOptions) {
    const { out } = options
    this.signal = AbortSignal.any([options.signal, this.failing.signal])
    this.state = readState(options.folder.stateFile)
    this.children = new Children(
      {
        died: (name, end) => out.warn(`${name} ended (${end.signal ?? `code ${end.code}`}) and is started again`),
        back: (name, pid) => out.warn(`${name} is back, process ${pid}`),
        failed: (name, error, pauseMs) => out.warn(`${name}: ${messageOf(error)}\n    next try in ${pauseMs / 1000} s`),
      },
      () => this.publish(),
    )
  }

  /**
   * Returns when a sample event has been seen with the right signature (or, without the sample, when all is ready), and
   * `stack.json` says so.
   */
  async bringUp(): Promise<StackFile> {
    const { folder } = this.options
    const servicePorts = await chooseServicePorts(process.env)
    const ports = await keepPorts(this.state)
    const authority = await makeTrustedAuthority(folder.authoritiesFile, process.env.EGRESS_CA_FILE)
    await this.keepState()

    const kafka = this.begin(startKafka(ports.kafka, this.options, this.children))
    const sample = this.begin(this.startSample(ports.receiver, authority))
    const databaseUrl = await this.begin(startPostgres(ports.postgres, this.options, this.children))
    const settings: StackSettings = {
      apiPort: servicePorts.api,
      managementPorts: servicePorts.management,
      kafkaIsOurs: !process.env.KAFKA_BROKERS,
      kafkaBrokers: process.env.KAFKA_BROKERS || `127.0.0.1:${ports.kafka}`,
      databaseUrl,
      secretsKey: process.env.SECRETS_KEY || this.state.secrets_key,
      authoritiesFile: folder.authoritiesFile,
    }
    const admin = this.adminOptions(settings)
    this.state.admin_environment = adminVariablesOf(admin.environment)
    const keptAccount = this.state.account
    const account = await this.prepare(kafka, admin, settings)
    await Promise.all(serviceNames.map((name) => this.begin(this.startService(name, settings))))

    const api = new ApiClient(`http://127.0.0.1:${servicePorts.api}`)
    const isOfAnotherDatabase = account === keptAccount && !(await acceptsKeys(api, account))
    const holder = isOfAnotherDatabase ? await this.newAccount(admin) : account
    await this.awaitKeys(api, holder)
    this.sample = await sample
    await this.connectSample(api, holder)

    this.children.keepRunning()
    this.stack = stackFile(api.url, holder, settings, this.sample?.receiver.url ?? null, this.children)
    await this.publish()
    return this.stack
  }

  /** Where a webhook made by hand may point: the sample receiver shows what arrives there too. */
  get webhookUrl(): string {
    return this.sample?.receiver.anotherUrl ?? 'https://127.0.0.1:8443/webhook'
  }

  /** Services first, so that they can finish and commit; then broker and database; whatever was begun ends first. */
  async takeDown(): Promise<void> {
    this.stack = undefined
    this.failing.abort(new Error('the start failed'))
    await rm(this.options.folder.stackFile, { force: true })
    await Promise.allSettled(this.beginnings)
    await this.children.stop([serviceNames, ['kafka', 'postgres']])
    await this.sample?.receiver.stop()
    await this.writing
    await rm(this.options.folder.stackFile, { force: true })
    delete this.state.admin_environment
    await this.keepState()
  }

  // What fails is thrown where it is awaited; until then, and when something else failed first, it is not "unhandled".
  private begin<T>(work: Promise<T>): Promise<T> {
    this.beginnings.push(work.catch(() => undefined))
    return work
  }

  private adminOptions(settings: StackSettings): AdminOptions {
    const environment = serviceEnvironment('api', settings, process.env)
    return { environment, logFile: join(this.options.folder.logs, 'admin.log'), signal: this.signal }
  }

  // Tables while the broker still starts, topics as soon as it has, and meanwhile the account.
  private async prepare(kafka: Promise<void>, admin: AdminOptions, settings: StackSettings): Promise<LocalAccount> {
    const { out } = this.options
    const tables = this.begin(out.step(() => 'tables', this.makeTables(admin, settings)))
    const topics = this.begin(kafka.then(() => out.step(() => 'topics', runAdmin(['create-topics'], admin))))
    const account = this.begin(tables.then(() => this.state.account ?? this.newAccount(admin)))
    await Promise.all([tables, topics, account])
    return account
  }

  private async makeTables(admin: AdminOptions, settings: StackSettings): Promise<void> {
    const { roles } = await askAdmin(['migrate'], admin)
    // Who may log in to a database of the user's is not ours to say.
    if (process.env.DATABASE_URL) return
    settings.readerUrls = await createServiceUsers(settings.databaseUrl, roles as ReaderRoles)
  }

  private async newAccount(admin: AdminOptions): Promise<LocalAccount> {
    const account = await createLocalAccount(admin)
    this.state.account = account
    delete this.state.sample_webhook
    await this.keepState()
    return account
  }

  private awaitKeys(api: ApiClient, account: LocalAccount): Promise<void> {
    const limits = { timeoutMs: keysLimitMs, signal: this.signal }
    return waitUntil('the API accepting the local account’s keys', () => acceptsKeys(api, account), limits)
  }

  private async startService(name: ServiceName, settings: StackSettings): Promise<void> {
    const { folder, out } = this.options
    const service = new ServiceProcess({
      name,
      environment: serviceEnvironment(name, settings, process.env),
      managementPort: settings.managementPorts[name],
      logFile: join(folder.logs, `${name}.log`),
      signal: this.signal,
    })
    const port = name === 'api' ? `, http://127.0.0.1:${settings.apiPort}` : ''
    await service.launch()
    await this.children.add(name, service)
    await out.step(() => `${name}${port}`, service.becomeReady(readyLimitMs))
  }

  private async startSample(port: number, authority: Certificate): Promise<Sample | undefined> {
    return this.options.sample ? Sample.start(port, authority, this.options.onDelivery) : undefined
  }

  private async connectSample(api: ApiClient, account: LocalAccount): Promise<void> {
    const { out } = this.options
    const { sample, state, signal } = this
    if (sample) {
      state.sample_webhook = await sample.register(api, account, state.sample_webhook)
      await this.keepState()
      await out.step(() => 'a sample event, delivered and verified', sample.sendOne(api, account, signal))
    } else if (state.sample_webhook) {
      await removeSampleWebhook(api, account.api_key, state.sample_webhook)
      delete state.sample_webhook
    }
    await this.keepState()
  }

  private keepState(): Promise<void> {
    return writeState(this.options.folder.stateFile, this.state)
  }

  // One after the other: two children may come back at the same moment.
  private publish(): Promise<void> {
    const { folder, claim } = this.options
    this.writing = this.writing.then(async () => {
      await claim.remember(this.children.list())
      if (this.stack) await writePrivateJson(folder.stackFile, { ...this.stack, pids: stackPids(this.children) })
    })
    return this.writing
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
