import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { Certificate } from './certificates.js'
import type { SeenDelivery } from './delivery-line.js'

export interface ReceiverOptions {
  port: number
  certificate: Certificate
  onDelivery(seen: SeenDelivery): void
}

const samplePath = '/webhook'
const bodyLimit = 1024 * 1024

/** A receiver as a customer would write it: checks the signature over the raw body, answers 200 or 401 at once. */
export class SampleReceiver {
  /** Known once the webhook is made; until then nothing can be verified. */
  secret: string | undefined

  private constructor(
    private readonly server: Server,
    private readonly base: string,
  ) {}

  static async start(options: ReceiverOptions): Promise<SampleReceiver> {
    const server = createServer(options.certificate)
    const receiver = new SampleReceiver(server, `https://127.0.0.1:${options.port}`)
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      receiver.receive(request, response, options.onDelivery).catch(() => response.destroy())
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(options.port, '127.0.0.1', resolve)
    })
    return receiver
  }

  /** Where the sample webhook's deliveries go. */
  get url(): string {
    return `${this.base}${samplePath}`
  }

  /** For a webhook that somebody makes by hand: received and shown, but its secret is not known here. */
  get anotherUrl(): string {
    return `${this.base}/mine`
  }

  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()))
    this.server.closeAllConnections()
    await closed
  }

  private async receive(
    request: IncomingMessage,
    response: ServerResponse,
    onDelivery: (seen: SeenDelivery) => void,
  ): Promise<void> {
    const body = await readBody(request)
    const secret = request.url === samplePath ? this.secret : undefined
    const verified = secret === undefined ? undefined : isSigned(body, header(request, 'x-webhook-signature'), secret)
    response.writeHead(verified === false ? 401 : 200).end()
    const attempt = header(request, 'x-webhook-attempt') || '?'
    onDelivery({ at: new Date(), ...describe(body), attempt, verified })
  }
}

/** As in the guide for receivers: HMAC-SHA256 of the body, keyed with the whole secret, in hex. */
export function isSigned(body: Buffer, signature: string, secret: string): boolean {
  const expected = Buffer.from(createHmac('sha256', secret).update(body).digest('hex'))
  const given = Buffer.from(signature)
  return given.length === expected.length && timingSafeEqual(given, expected)
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > bodyLimit) throw new Error('the body is larger than any delivery')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function describe(body: Buffer): { type: string; eventId: string } {
  try {
    const event = JSON.parse(body.toString('utf8')) as { type?: unknown; id?: unknown }
    return { type: String(event.type), eventId: String(event.id) }
  } catch {
    return { type: 'not an event', eventId: '' }
  }
}

function header(request: IncomingMessage, name: string): string {
  const value = request.headers[name]
  return typeof value === 'string' ? value : ''
}
