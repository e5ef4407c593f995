import { once } from 'node:events'
import { createServer as createPlainServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import type { Certificate } from '../../../local/src/index.js'
import { sequenceOf, tagOf } from '../load/event-id.js'
import type { DeliveryLedger } from '../load/delivery-ledger.js'
import { ok, type Answer } from './answers.js'
import { RequestReader } from './request-reader.js'

export type Scheme = 'http' | 'https'

/**
 * The customers' servers, all in this process: any number of origins on loopback, and webhooks told apart by their path
 * `/w/<number>`, the same on every origin. An arrival is noted in its measurement's ledger before it is answered.
 */
export class BenchReceiver {
  readonly #certificate: Certificate
  readonly #servers: Server[] = []
  readonly #sockets = new Set<Socket>()
  readonly #answers = new Map<number, Answer>()
  readonly #ledgers = new Map<string, DeliveryLedger>()
  #strangers = 0

  constructor(certificate: Certificate) {
    this.#certificate = certificate
  }

  /** Requests that were no deliveries of ours; anything but 0 is a defect. */
  get strangers(): number {
    return this.#strangers
  }

  /** Opens one more port. @returns its origin, `https://localhost:20123` */
  async open(scheme: Scheme): Promise<string> {
    const accept = (socket: Socket): void => this.#accept(socket)
    const server = scheme === 'https' ? createTlsServer(this.#certificate, accept) : createPlainServer(accept)
    this.#servers.push(server)
    // A caller that gives up in the middle of a handshake is what some scenarios are about.
    server.on('tlsClientError', () => undefined)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return `${scheme}://localhost:${(server.address() as AddressInfo).port}`
  }

  /** How the webhook of this number answers from now on; without a word it answers 200 at once. */
  answer(webhook: number, answer: Answer): void {
    this.#answers.set(webhook, answer)
  }

  /** From now on arrivals of these events are noted there, until `forget`. */
  note(ledger: DeliveryLedger): void {
    this.#ledgers.set(ledger.tag, ledger)
  }

  forget(ledger: DeliveryLedger): void {
    this.#ledgers.delete(ledger.tag)
  }

  /** Closes every origin with its connections, and forgets how webhooks answered: the next scenario begins anew. */
  async reset(): Promise<void> {
    this.#answers.clear()
    const servers = this.#servers.splice(0)
    const closed = servers.map((server) => new Promise((resolve) => server.close(resolve)))
    for (const socket of this.#sockets) socket.destroy()
    await Promise.all(closed)
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket)
    socket.setNoDelay(true)
    const reader = new RequestReader((webhook, eventId) => {
      const ledger = this.#ledgers.get(tagOf(eventId))
      ledger?.arrived(sequenceOf(eventId), webhook % ledger.fanOut, performance.now())
      const answer = this.#answers.get(webhook) ?? ok
      answer(socket, eventId)
    })
    socket.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk)
      } catch {
        this.#strangers++
        socket.destroy()
      }
    })
    // The other side's resets and time-outs are its right.
    socket.on('error', () => undefined)
    socket.once('close', () => this.#sockets.delete(socket))
  }
}
