import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { testAuthority } from '../support/test-authority.js'
import type { Answer, LedgerRequest } from './ledger.js'
import { type Temper, scriptFor, slowness } from './receiver-script.js'

const statuses: Partial<Record<Answer, number>> = { ok: 200, slow: 200, error: 500, gone: 410 }

/** All receivers of a run in one HTTPS server, a path each. Every request is on record before it is answered. */
export class LedgerReceiver {
  readonly requests: LedgerRequest[] = []
  /** Requests that have no answer yet. */
  open = 0
  readonly #tempers = new Map<string, Temper>()
  readonly #asked = new Map<string, number>()

  private constructor(
    private readonly server: Server,
    private readonly seed: number,
    readonly origin: string,
  ) {}

  static async start(seed: number): Promise<LedgerReceiver> {
    const { localhost } = await testAuthority()
    const server = createServer({ key: localhost.key, cert: localhost.cert, keepAlive: true })
    await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, resolve))
    const origin = `https://localhost:${(server.address() as AddressInfo).port}`
    const receiver = new LedgerReceiver(server, seed, origin)
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      receiver.#receive(request, response).catch((error: unknown) => response.destroy(error as Error))
    })
    return receiver
  }

  /** The URL of a receiver with this temper. */
  url(path: string, temper: Temper): string {
    this.#tempers.set(path, temper)
    return this.origin + path
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections()
    await new Promise<void>((resolve) => this.server.close(() => resolve()))
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const record = this.#record(request)
    this.requests.push(record)
    this.open++
    response.once('close', () => {
      this.open--
      record.isAnswered = response.writableFinished
      if (!record.isAnswered) record.settledAt = Math.min(record.settledAt, Date.now())
    })
    // A body that is cut off is the dispatcher's end, and the record of it stays.
    request.on('error', () => {})
    if (record.answer !== 'reset-before-body') record.bodySha256 = await sha256Of(request)
    if (record.answer === 'slow') await sleep(slowness(this.seed, record.path, record.eventId))
    if (record.answer === 'hang' || response.destroyed) return
    // Before the answer is on its way: whatever the dispatcher does because of it is later than this.
    record.settledAt = Date.now()
    const status = statuses[record.answer]
    if (status) response.writeHead(status).end()
    else request.socket.destroy()
  }

  #record(request: IncomingMessage): LedgerRequest {
    const path = request.url ?? '/'
    const header = (name: string) => String(request.headers[name] ?? '')
    const eventId = header('webhook-id')
    return {
      path,
      eventId,
      deliveryId: header('x-webhook-delivery'),
      attempt: Number(header('x-webhook-attempt')),
      at: Date.now(),
      answer: this.#nextAnswer(path, eventId),
      isAnswered: false,
      settledAt: Infinity,
      bodySha256: null,
      signature: header('x-webhook-signature'),
      timestamp: header('webhook-timestamp'),
      standardSignature: header('webhook-signature'),
    }
  }

  /** By the number of requests so far, as a real receiver answers: it does not look at the attempt's number. */
  #nextAnswer(path: string, eventId: string): Answer {
    const key = `${path} ${eventId}`
    const asked = this.#asked.get(key) ?? 0
    this.#asked.set(key, asked + 1)
    const temper = this.#tempers.get(path)
    return (temper && scriptFor(this.seed, temper, path, eventId)[asked]) ?? 'ok'
  }
}

/** @returns null for a body that did not arrive in full */
async function sha256Of(request: IncomingMessage): Promise<string | null> {
  const hash = createHash('sha256')
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) hash.update(chunk)
  } catch {
    return null
  }
  return hash.digest('hex')
}
