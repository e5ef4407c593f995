import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Registry } from './metrics.js'

/** Null when all is well, else a sentence on what is not. */
export type HealthCheck = () => string | null

export interface HealthChecks {
  /** Wrong only when a restart would help. */
  live: HealthCheck
  /** Wrong while the service should get no traffic. */
  ready: HealthCheck
  /** Wrong until the service has started once. */
  started: HealthCheck
}

/** `/health/live`, `/health/ready`, `/health/started` and `/metrics`, on a port that no customer reaches. */
export class ManagementServer {
  readonly #server: Server

  constructor(
    private readonly registry: Registry,
    private readonly checks: HealthChecks,
  ) {
    this.#server = createServer((request, response) => {
      this.#answer(request.url ?? '/', response).catch((error: unknown) => {
        response.writeHead(500).end(String(error))
      })
    })
  }

  /** The port it listens on, also where `listen(0)` left the choice to the system. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** @throws when the port is taken */
  listen(port: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, () => {
        this.#server.off('error', reject)
        resolve()
      })
    })
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
  }

  async #answer(path: string, response: ServerResponse): Promise<void> {
    if (path === '/metrics') {
      const text = await this.registry.metrics()
      response.writeHead(200, { 'content-type': this.registry.contentType }).end(text)
      return
    }
    const check = path.startsWith('/health/') ? path.slice('/health/'.length) : ''
    if (check !== 'live' && check !== 'ready' && check !== 'started') {
      response.writeHead(404).end()
      return
    }
    const problem = this.checks[check]()
    response.writeHead(problem === null ? 200 : 503, { 'content-type': 'application/json' })
    response.end(JSON.stringify(problem === null ? { status: 'ok' } : { status: 'error', detail: problem }))
  }
}
