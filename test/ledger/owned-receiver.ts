import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectionOwner } from '../support/connection-owner.js'
import { testAuthority } from '../support/test-authority.js'

export interface OwnedRequest {
  path: string
  eventId: string
  deliveryId: string
  attempt: number
  /** The process that called; 0 when nobody could be found at the other end. */
  pid: number
  /** When it arrived and when it was answered or left, ms since the epoch. */
  at: number
  until: number
}

/** Receivers that answer everything with 200, and know which process called them. */
export class OwnedReceiver {
  readonly requests: OwnedRequest[] = []
  /** By the caller's port: one look per connection, when it is made. */
  readonly #owners = new Map<number, number>()

  private constructor(
    private readonly server: Server,
    readonly origin: string,
  ) {}

  /**
   * @param pids the processes that may call, at any time
   * @param patienceMs how long the answer to a request takes
   */
  static async start(pids: () => number[], patienceMs: (path: string) => number): Promise<OwnedReceiver> {
    const { localhost } = await testAuthority()
    const server = createServer({ key: localhost.key, cert: localhost.cert, keepAlive: true })
    await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, resolve))
    const receiver = new OwnedReceiver(server, `https://localhost:${(server.address() as AddressInfo).port}`)
    server.on('connection', ({ remotePort }: Socket) => {
      if (remotePort !== undefined) receiver.#owners.set(remotePort, connectionOwner(remotePort, pids()) ?? 0)
    })
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      receiver.#receive(request, response, patienceMs).catch((error: unknown) => response.destroy(error as Error))
    })
    return receiver
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise<void>((resolve) => this.server.close(() => resolve()))
  }

  async #receive(request: IncomingMessage, response: ServerResponse, patienceMs: (path: string) => number) {
    const path = request.url ?? '/'
    const record: OwnedRequest = {
      path,
      eventId: String(request.headers['webhook-id']),
      deliveryId: String(request.headers['x-webhook-delivery']),
      attempt: Number(request.headers['x-webhook-attempt']),
      pid: this.#owners.get(request.socket.remotePort ?? 0) ?? 0,
      at: Date.now(),
      until: Infinity,
    }
    this.requests.push(record)
    response.once('close', () => (record.until = Date.now()))
    request.resume()
    await sleep(patienceMs(path))
    response.writeHead(200).end()
  }
}
