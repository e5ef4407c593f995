import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connectionOwners } from '../support/connection-owners.js'
import { testAuthority } from '../support/test-authority.js'

export interface OwnedRequest {
  path: string
  eventId: string
  deliveryId: string
  attempt: number
  /** The process that called; 0 while that is not known. */
  pid: number
  /** When it arrived and when it was answered or left, ms since the epoch. */
  at: number
  until: number
}

/** How often new connections are asked for their owner: a shorter one than this stays nobody's. Ms. */
const LOOK_EVERY_MS = 200

interface Caller {
  pid: number
  requests: OwnedRequest[]
}

/** Receivers that answer everything with 200, and know which process called them. */
export class OwnedReceiver {
  readonly requests: OwnedRequest[] = []
  readonly #callers = new Map<number, Caller>()
  readonly #looking: NodeJS.Timeout

  private constructor(
    private readonly server: Server,
    readonly origin: string,
    private readonly pids: () => number[],
    private readonly patienceMs: (path: string) => number,
  ) {
    this.#looking = setInterval(() => this.#lookForOwners(), LOOK_EVERY_MS)
  }

  /**
   * @param pids the processes that may call, at any time
   * @param patienceMs how long the answer to a request takes
   */
  static async start(pids: () => number[], patienceMs: (path: string) => number): Promise<OwnedReceiver> {
    const { localhost } = await testAuthority()
    const server = createServer({ key: localhost.key, cert: localhost.cert, keepAlive: true })
    await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, resolve))
    const origin = `https://localhost:${(server.address() as AddressInfo).port}`
    const receiver = new OwnedReceiver(server, origin, pids, patienceMs)
    // By the port that it comes from, which may be somebody else's later.
    server.on('connection', ({ remotePort }: Socket) => {
      receiver.#callers.set(remotePort ?? 0, { pid: 0, requests: [] })
    })
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      receiver.#receive(request, response).catch((error: unknown) => response.destroy(error as Error))
    })
    return receiver
  }

  async stop(): Promise<void> {
    clearInterval(this.#looking)
    this.server.closeAllConnections()
    await new Promise<void>((resolve) => this.server.close(() => resolve()))
  }

  #lookForOwners(): void {
    const unknown = [...this.#callers].filter(([, { pid }]) => pid === 0)
    if (unknown.length === 0) return
    const owners = connectionOwners(Number(new URL(this.origin).port), this.pids())
    for (const [port, caller] of unknown) {
      caller.pid = owners.get(port) ?? 0
      for (const request of caller.requests) request.pid = caller.pid
    }
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '/'
    const caller = this.#callers.get(request.socket.remotePort ?? 0)
    const record: OwnedRequest = {
      path,
      eventId: String(request.headers['webhook-id']),
      deliveryId: String(request.headers['x-webhook-delivery']),
      attempt: Number(request.headers['x-webhook-attempt']),
      pid: caller?.pid ?? 0,
      at: Date.now(),
      until: Infinity,
    }
    if (record.pid === 0) caller?.requests.push(record)
    this.requests.push(record)
    response.once('close', () => (record.until = Date.now()))
    request.resume()
    await sleep(this.patienceMs(path))
    response.writeHead(200).end()
  }
}
