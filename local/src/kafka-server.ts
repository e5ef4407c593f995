import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { freePort, requireFreePort } from './free-port.js'
import { kafkaJars } from './kafka-jars.js'
import { isKafkaReady } from './kafka-ready.js'
import { type BrokerSettings, clusterId, jvmOptions, log4jProperties, serverProperties } from './kafka-settings.js'
import { javaCommand } from './prerequisites.mjs'
import { endServerProcess, startServerProcess, type ProcessEnd, type ServerProcess } from './server-process.js'
import { waitUntil } from './wait-until.js'

export interface KafkaServerOptions {
  /** Created when it is not there; a later start on it finds the same topics. */
  dataDir: string
  /** Free ones by default. */
  port?: number
  controllerPort?: number
  /** `kafka.log` in the data folder by default. */
  logFile?: string
  /** For measurements: the JVM's full compiler and default collector, slower to start. */
  forLoad?: boolean
  /** Beside the defaults and above them. */
  settings?: BrokerSettings
  /** Users with their passwords, for SCRAM-SHA-512; they are made with the data folder. */
  users?: Record<string, string>
}

// A clean stop takes one or two seconds; a start after kill -9 reads the logs first and may wait for the old session.
const stopLimitMs = 15_000
const startLimitMs = 60_000

/** A real single-node Apache Kafka on loopback. It never outlives this process. */
export class KafkaServer {
  /** For KAFKA_BROKERS; the same after every start. */
  readonly brokers: string

  private constructor(
    private readonly settings: Required<KafkaServerOptions> & { jars: string },
    private child: ServerProcess | undefined = undefined,
  ) {
    this.brokers = `127.0.0.1:${settings.port}`
  }

  /**
   * Formats the data folder when it is new, starts the broker, and waits until it serves clients (3 to 4 s).
   *
   * @throws Error with the log's last lines when it ends or does not get ready; naming what is missing without Java
   */
  static async start(options: KafkaServerOptions): Promise<KafkaServer> {
    const dataDir = resolve(options.dataDir)
    await mkdir(dataDir, { recursive: true })
    const server = new KafkaServer({
      dataDir,
      jars: await kafkaJars(),
      port: options.port ?? (await freePort()),
      controllerPort: options.controllerPort ?? (await freePort()),
      logFile: options.logFile ?? join(dataDir, 'kafka.log'),
      forLoad: options.forLoad ?? false,
      settings: options.settings ?? {},
      users: options.users ?? {},
    })
    await server.startAgain()
    return server
  }

  get pid(): number {
    return this.process.pid
  }

  /** Resolves when the process that runs now has ended, for whatever reason. */
  get ended(): Promise<ProcessEnd> {
    return this.process.ended
  }

  /** At once and without a word, as a crash would. */
  kill9(): void {
    this.process.signal('SIGKILL')
  }

  /** Cleanly; with SIGKILL after 15 s. */
  async stop(): Promise<void> {
    if (this.child) await endServerProcess(this.child, 'SIGTERM', stopLimitMs)
  }

  /** After `stop`, `kill9` or a crash: the same data, the same port, a new pid. */
  async startAgain(): Promise<void> {
    if (this.child?.running) await this.child.ended
    await requireFreePort(this.settings.port, 'Kafka')
    await this.writeSettings()
    await this.formatOnce()
    const child = await this.run('kafka.Kafka', [this.file('server.properties')])
    this.child = child
    const ready = async (): Promise<boolean> => {
      if (!child.running) throw new Error(`Kafka ended while it was starting:\n${child.lastWords()}`)
      return isKafkaReady(this.settings.port)
    }
    try {
      await waitUntil('Kafka’s first answer', ready, { timeoutMs: startLimitMs })
    } catch (error) {
      child.signal('SIGKILL')
      throw error
    }
  }

  private get process(): ServerProcess {
    if (!this.child) throw new Error('Kafka was not started')
    return this.child
  }

  private file(name: string): string {
    return join(this.settings.dataDir, name)
  }

  private async writeSettings(): Promise<void> {
    const place = { ...this.settings, logFolder: this.file('log') }
    await writeFile(
      this.file('server.properties'),
      serverProperties(place, this.settings.forLoad, this.settings.settings),
    )
    await writeFile(this.file('log4j2.properties'), log4jProperties)
  }

  private async formatOnce(): Promise<void> {
    if (existsSync(join(this.file('log'), 'meta.properties'))) return
    const format = ['format', '-t', clusterId, '-c', this.file('server.properties'), '--ignore-formatted']
    const users = Object.entries(this.settings.users).flatMap(([name, password]) => [
      '--add-scram',
      `SCRAM-SHA-512=[name=${name},password=${password}]`,
    ])
    const child = await this.run('kafka.tools.StorageTool', [...format, ...users])
    const { code } = await child.ended
    if (code !== 0) throw new Error(`Kafka could not format ${this.settings.dataDir}:\n${child.lastWords()}`)
  }

  private run(mainClass: string, args: string[]): Promise<ServerProcess> {
    const { jars, forLoad, logFile } = this.settings
    return startServerProcess({
      name: 'Kafka',
      command: javaCommand(),
      args: [...jvmOptions(this.file('log4j2.properties'), forLoad), '-cp', join(jars, '*'), mainClass, ...args],
      logFile,
    })
  }
}
