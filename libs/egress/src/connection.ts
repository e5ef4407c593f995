import type { Socket } from 'node:net'
import { Client, type Dispatcher } from 'undici'
import { type InboundLimit, MOST_HEADER_BYTES } from './inbound-limit.js'

/** The connection ended before the request was written to it, so the receiver has not seen the request. */
export class ConnectionGoneError extends Error {
  // Not one of undici's own codes: those make it connect again by itself, past the checks.
  readonly code = 'EGRESS_CONNECTION_GONE'
}

/** One for all: to note where each is closed would take a tenth of what a connection costs, and nobody is told. */
const CLOSED = new Error('the connection was closed by us')

export interface ConnectionOptions {
  origin: string
  /** Closed after this long without a request; a receiver's `Keep-Alive: timeout` shortens it. */
  keepAliveMs: number
  onClosed: (connection: Connection) => void
}

// Of a receiver's `Keep-Alive: timeout`, this much is left unused, so that its close and our request seldom cross.
const KEEP_ALIVE_MARGIN_MS = 1_000

/**
 * One connected socket and the undici client that speaks HTTP/1.1 on it, one request at a time. A client each, not
 * undici's pool: so a request, its socket and its deadline belong together, and idle sockets can be counted and closed.
 */
export class Connection {
  readonly origin: string
  requests = 0
  private readonly client: Client

  constructor(
    private readonly socket: Socket,
    private readonly inbound: InboundLimit,
    options: ConnectionOptions,
  ) {
    this.origin = options.origin
    let isTaken = false
    this.client = new Client(options.origin, {
      // Only ever this socket: a client that has lost it must not find another one for itself.
      connect: (_target, callback) => {
        const isFirst = !isTaken
        isTaken = true
        // Later, because undici forgets the waiting request when its connector answers within the call.
        queueMicrotask(() => {
          if (!isFirst) {
            callback(new ConnectionGoneError('the connection was closed before the request was sent'), null)
            return
          }
          callback(null, socket)
          // Only now, because Node tells the first such listener alone of what came before it; that must be undici's.
          socket.on('readable', () => this.checkInbound())
        })
      },
      pipelining: 1,
      // The attempt's deadline is ours. These two are idle timers, which a dripping receiver outlives anyway.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: options.keepAliveMs,
      keepAliveMaxTimeout: options.keepAliveMs,
      keepAliveTimeoutThreshold: KEEP_ALIVE_MARGIN_MS,
      maxHeaderSize: MOST_HEADER_BYTES,
    })
    socket.on('session', () => {
      inbound.noteSession()
      this.checkInbound()
    })
    socket.once('close', () => options.onClosed(this))
  }

  get isOpen(): boolean {
    return !this.socket.destroyed
  }

  dispatch(request: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.requests++
    this.inbound.begin('answer')
    this.client.dispatch(request, handler)
  }

  /** Between two requests nothing is wanted of the receiver, and no deadline runs. */
  rest(): void {
    this.inbound.begin('idle')
  }

  /**
   * Closes the socket when the receiver has sent more than it may; a request under way ends with an error. Done with all
   * that is read here; what only TLS reads shows when somebody calls this now and then.
   */
  checkInbound(): void {
    const excess = this.inbound.excess()
    if (excess) this.socket.destroy(excess)
  }

  /** Closes the socket at once. A request under way ends with an error. */
  close(): void {
    this.client.destroy(CLOSED, () => {})
    this.socket.destroy()
  }
}
