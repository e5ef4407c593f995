import { join } from 'node:path'
import { projectRoot } from './project-root.js'
import type { ServiceName } from './service-environment.js'
import { endServerProcess, startServerProcess, type ProcessEnd, type ServerProcess } from './server-process.js'
import { waitUntil } from './wait-until.js'

export interface ServiceOptions {
  name: ServiceName
  environment: NodeJS.ProcessEnv
  managementPort: number
  logFile: string
  /** Aborted when the stack is being stopped: no start waits any longer then. */
  signal: AbortSignal
}

// A drain lasts one attempt (5 s) and the commits after it.
const stopLimitMs = 15_000
const healthLimitMs = 2000

/** One of the product's three services, built, as a process of its own. */
export class ServiceProcess {
  private child: ServerProcess | undefined

  constructor(private readonly options: ServiceOptions) {}

  get name(): ServiceName {
    return this.options.name
  }

  get pid(): number {
    return this.process.pid
  }

  /** Resolves when the process that runs now has ended, for whatever reason. */
  get ended(): Promise<ProcessEnd> {
    return this.process.ended
  }

  /** The process runs, and has a pid, but need not be ready. */
  async launch(): Promise<void> {
    const { name, environment, logFile } = this.options
    this.child = await startServerProcess({
      name,
      command: process.execPath,
      args: [join(projectRoot(), 'dist', 'apps', name, 'src', 'main.js')],
      cwd: projectRoot(),
      env: environment,
      logFile,
    })
  }

  /**
   * Waits until it calls itself ready.
   *
   * @throws Error with the log's last lines when it ends before
   */
  async becomeReady(timeoutMs = Infinity): Promise<void> {
    const { name, managementPort, signal } = this.options
    const child = this.process
    const ready = async (): Promise<boolean> => {
      if (!child.running) throw new Error(`${name} ended while it was starting:\n${child.lastWords()}`)
      return isHealthy(`http://127.0.0.1:${managementPort}/health/ready`)
    }
    await waitUntil(`${name} being ready`, ready, { signal, timeoutMs })
  }

  /** Without a limit: it may be waiting for a broker that restarts as well. */
  async startAgain(): Promise<void> {
    await this.launch()
    await this.becomeReady()
  }

  /** SIGTERM, so that it drains; SIGKILL after 15 s. */
  async stop(): Promise<void> {
    if (this.child) await endServerProcess(this.child, 'SIGTERM', stopLimitMs)
  }

  private get process(): ServerProcess {
    if (!this.child) throw new Error(`${this.options.name} was not started`)
    return this.child
  }
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(healthLimitMs) })
    await answer.body?.cancel()
    return answer.status === 200
  } catch {
    // Not listening yet, or too busy to answer: both mean "not ready", and the caller asks again.
    return false
  }
}
