import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { testAuthority } from './test-authority.js'

/** One request as the receiver saw it, recorded before it was answered. */
export interface ReceivedRequest {
  path: string
  headers: IncomingHttpHeaders
  body: Buffer
  eventId: string
  attempt: number
  /** Ms since the epoch, when the whole body had arrived. */
  at: number
}

/** How to answer; `hang` never does. */
export type Answer = number | { status: number; headers?: Record<string, string>; body?: string } | 'hang' | 'reset'

export type AnswerScript = (request: ReceivedRequest, earlier: ReceivedRequest[]) => Answer | Promise<Answer>

/** A customer's HTTPS server that keeps a record of every request. Paths separate webhooks: each may have its script. */
export class Receiver {
  readonly requests: ReceivedRequest[] = []
  readonly #byPath = new Map<string, ReceivedRequest[]>()
  readonly #scripts = new Map<string, AnswerScript>()

  private constructor(
    private readonly server: Server,
    readonly origin: string,
  ) {}

  static async start(): Promise<Receiver> {
    const { localhost } = await testAuthority()
    const server = createServer({ key: localhost.key, cert: localhost.cert, keepAlive: true })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const receiver = new Receiver(server, `https://localhost:${(server.address() as AddressInfo).port}`)
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      receiver.#receive(request, response).catch((error: unknown) => response.destroy(error as Error))
    })
    return receiver
  }

  /** The URL of a path, whose requests are answered by `script` (200 without one). */
  url(path: string, script?: AnswerScript): string {
    if (script) this.#scripts.set(path, script)
    return this.origin + path
  }

  at(path: string): ReceivedRequest[] {
    return this.#byPath.get(path) ?? []
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise<void>((resolve) => this.server.close(() => resolve()))
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const received: ReceivedRequest = {
      path: request.url ?? '/',
      headers: request.headers,
      body: Buffer.concat(chunks),
      eventId: String(request.headers['webhook-id']),
      attempt: Number(request.headers['x-webhook-attempt']),
      at: Date.now(),
    }
    const script = this.#scripts.get(received.path)
    const earlier = script ? [...this.at(received.path)] : []
    this.requests.push(received)
    const samePath = this.#byPath.get(received.path)
    if (samePath) samePath.push(received)
    else this.#byPath.set(received.path, [received])
    const answer = script ? await script(received, earlier) : 200
    if (answer === 'hang') return
    if (answer === 'reset') {
      request.socket.destroy()
      return
    }
    const { status, headers = {}, body = '' } = typeof answer === 'number' ? { status: answer } : answer
    response.writeHead(status, headers).end(body)
  }
}

/** What the guide tells receivers to check, over the bytes as they came. */
export function isSigned(request: ReceivedRequest, secret: string): boolean {
  const expected = Buffer.from(createHmac('sha256', secret).update(request.body).digest('hex'))
  const given = Buffer.from(String(request.headers['x-webhook-signature']))
  return given.length === expected.length && timingSafeEqual(given, expected)
}
