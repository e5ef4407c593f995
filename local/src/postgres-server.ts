import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePort, requireFreePort } from './free-port.js'
import { postgresBinaries, type PostgresBinaries } from './postgres-binaries.js'
import { isPostgresReady } from './postgres-ready.js'
import { endServerProcess, startServerProcess, type ProcessEnd, type ServerProcess } from './server-process.js'
import { disownDeadServer } from './stale-lock-file.js'
import { unprivilegedUser, type UnprivilegedUser } from './unprivileged-user.js'
import { waitUntil } from './wait-until.js'

export interface PostgresServerOptions {
  /** Created when it is not there; a later start on it finds the same databases. */
  dataDir: string
  /** A free one by default. */
  port?: number
  /** `postgres.log` in the data folder by default. */
  logFile?: string
}

const databaseName = 'webhooks'
const stopLimitMs = 15_000
const startLimitMs = 60_000

/** A real PostgreSQL 18 on loopback, with an empty database `webhooks`. It never outlives this process. */
export class PostgresServer {
  private child: ServerProcess | undefined

  private constructor(
    private readonly settings: Required<PostgresServerOptions> & { binaries: PostgresBinaries },
    private readonly user: UnprivilegedUser,
    /** For DATABASE_URL: the superuser's, password included; the same after every start. */
    readonly databaseUrl: string,
  ) {}

  /**
   * Makes the data folder when it is new, starts the server, and waits until it lets users in (1 to 2 s).
   *
   * @throws Error with the log's last lines when it ends or does not get ready
   */
  static async start(options: PostgresServerOptions): Promise<PostgresServer> {
    const dataDir = resolve(options.dataDir)
    await mkdir(dataDir, { recursive: true })
    const binaries = postgresBinaries()
    const user = unprivilegedUser([binaries.postgres, join(dataDir, 'cluster')])
    const password = await keptPassword(join(dataDir, 'password'), user)
    const port = options.port ?? (await freePort())
    const settings = { dataDir, port, logFile: options.logFile ?? join(dataDir, 'postgres.log'), binaries }
    const url = `postgres://postgres:${password}@127.0.0.1:${port}/${databaseName}`
    const server = new PostgresServer(settings, user, url)
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

  /** Cleanly, cutting connections that are open (Postgres's "fast" shutdown); with SIGKILL after 15 s. */
  async stop(): Promise<void> {
    if (this.child) await endServerProcess(this.child, 'SIGINT', stopLimitMs)
  }

  /** After `stop`, `kill9` or a crash: the same data, the same port, a new pid. */
  async startAgain(): Promise<void> {
    if (this.child?.running) await this.child.ended
    await requireFreePort(this.settings.port, 'Postgres')
    await this.createClusterOnce()
    const deadline = Date.now() + startLimitMs
    for (;;) {
      const { settings } = this
      await disownDeadServer(join(this.cluster, 'postmaster.pid'))
      const flags = [
        '-c',
        'listen_addresses=127.0.0.1',
        '-c',
        'unix_socket_directories=',
        '-c',
        'max_connections=200',
        '-c',
        'shared_buffers=64MB',
      ]
      const child = await this.run(settings.binaries.postgres, ['-D', this.cluster, '-p', `${settings.port}`, ...flags])
      this.child = child
      if (await becomesReady(child, settings.port, deadline)) return
      // After kill -9 the old server's backends need a moment to notice and to let go of its shared memory.
      if (!child.lastWords().includes('is still in use') || Date.now() > deadline) {
        child.signal('SIGKILL')
        throw new Error(`Postgres did not start:\n${child.lastWords()}`)
      }
      await sleep(100)
    }
  }

  private get process(): ServerProcess {
    if (!this.child) throw new Error('Postgres was not started')
    return this.child
  }

  private get cluster(): string {
    return join(this.settings.dataDir, 'cluster')
  }

  // In a folder beside, renamed when complete: a start that was interrupted in the middle leaves nothing half made.
  private async createClusterOnce(): Promise<void> {
    if (existsSync(this.cluster)) return
    const unfinished = `${this.cluster}.unfinished`
    await rm(unfinished, { recursive: true, force: true })
    await mkdir(unfinished, { mode: 0o700 })
    if (this.user.owner) await chown(unfinished, this.user.owner.uid, this.user.owner.gid)

    const { binaries, dataDir } = this.settings
    const access = ['--username=postgres', '--auth=scram-sha-256', `--pwfile=${join(dataDir, 'password')}`]
    const locale = ['--encoding=UTF8', '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--no-locale']
    await this.runToEnd(binaries.initdb, ['-D', unfinished, '--no-sync', ...access, ...locale])
    // Without a client at hand: the single-user mode takes statements from its input.
    const createDatabase = `echo 'CREATE DATABASE ${databaseName}' | exec "$0" --single -D "$1" postgres`
    await this.runToEnd('/bin/sh', ['-c', createDatabase, binaries.postgres, unfinished])
    await rename(unfinished, this.cluster)
  }

  private async runToEnd(command: string, args: string[]): Promise<void> {
    const child = await this.run(command, args)
    const { code } = await child.ended
    if (code !== 0) throw new Error(`Postgres could not make ${this.cluster}:\n${child.lastWords()}`)
  }

  private run(command: string, args: string[]): Promise<ServerProcess> {
    const { logFile } = this.settings
    // Messages in English, whatever the terminal speaks: one of them is read above.
    const env = { ...process.env, LC_ALL: 'C' }
    return startServerProcess({ name: 'Postgres', logFile, env, cwd: '/', ...this.user.wrap(command, args) })
  }
}

async function becomesReady(child: ServerProcess, port: number, deadline: number): Promise<boolean> {
  let ready = false
  const settled = async (): Promise<boolean> => {
    ready = child.running && (await isPostgresReady(port))
    return ready || !child.running || Date.now() > deadline
  }
  await waitUntil('Postgres’s first answer', settled, { timeoutMs: startLimitMs, everyMs: 25 })
  return ready
}

// Made once and kept with the data. initdb runs as the other user and must be able to read it.
async function keptPassword(file: string, user: UnprivilegedUser): Promise<string> {
  if (!existsSync(file)) await writeFile(file, randomBytes(18).toString('base64url'), { mode: 0o600 })
  if (user.owner) await chown(file, user.owner.uid, user.owner.gid)
  return (await readFile(file, 'utf8')).trim()
}
