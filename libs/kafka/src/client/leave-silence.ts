import type { Socket } from 'node:net'

interface WaitingRequest {
  /** Ms since the epoch. */
  sentAt: number
  /** How long it may wait for its answer. Ms. */
  requestTimeout: number
  timeoutRequest(): void
}

interface RequestQueue {
  /** In the order in which they were sent, and a list of its own: those that are given up leave it. */
  inflight: { values(): WaitingRequest[] }
  enforceRequestTimeout: boolean
  requestTimeout: number
  requestTimeoutIntervalId: NodeJS.Timeout | undefined
  isConnected(): boolean
  scheduleRequestTimeoutCheck(): void
  /** Ends its timers. */
  destroy(): void
}
type RequestQueueClass = new (options: object) => RequestQueue

interface Connection {
  host: string
  port: number
  connectionStatus: string
  authenticatedAt: unknown
  /** Of an exchange of SASL that is under way. */
  authHandlers: { onError(): void } | null
  socket: Socket
  requestQueue: { onSilence: () => void; destroy(): void }
  isConnected(): boolean
  rejectRequests(error: Error): void
  logError(message: string): void
}
/** Of one broker. */
type ConnectionPoolClass = new (options: never) => { pool: Connection[] }
type ConnectionError = new (message: string, of: { broker: string }) => Error

/** At most, from one look at the clock to the next; kafkajs' own number. */
const CHECK_EVERY_MS = 100
const DISCONNECTED = 'disconnected'
const SILENT = 'silent for longer than a request may take'

/**
 * A broker answers the requests of one connection in turn. So only the oldest tells of silence: what was sent behind a
 * request to join waits for the whole group, is given up before that is answered, and the connection is well.
 */
export function isSilent([oldest]: readonly WaitingRequest[], now: number): boolean {
  return oldest !== undefined && isLate(oldest, now)
}

function isLate({ sentAt, requestTimeout }: WaitingRequest, now: number): boolean {
  return now - sentAt > requestTimeout
}

/** kafkajs' look at the clock, which also tells of silence. */
export function noticeSilence(
  stock: RequestQueueClass,
): new (...of: ConstructorParameters<RequestQueueClass>) => RequestQueue & { onSilence: () => void } {
  return class extends stock {
    onSilence: () => void = () => undefined

    override scheduleRequestTimeoutCheck(): void {
      if (!this.enforceRequestTimeout) return
      this.destroy()
      const everyMs = Math.min(this.requestTimeout, CHECK_EVERY_MS)
      this.requestTimeoutIntervalId = setInterval(() => this.#check(Date.now()), everyMs)
    }

    #check(now: number): void {
      const waiting = this.inflight.values()
      const isLeft = isSilent(waiting, now)
      for (const request of waiting) if (isLate(request, now)) request.timeoutRequest()
      if (isLeft) this.onSilence()
      if (!this.isConnected()) this.destroy()
    }
  }
}

/**
 * A broker that is gone without a word (its node lost, the network cut, the process stopped) resets nothing. kafkajs gives
 * the request up and keeps the connection for ready: the next one waits for nothing as well, until TCP gives up after a
 * quarter of an hour. All connections to such a broker are left; what waits on them fails as on ones that are reset, and
 * the next request makes new ones. One that was only slow costs that. Destroyed and not ended: what a broker that wakes up
 * answers on the old ones must not be taken for the new ones' answers.
 */
export function leaveSilence(stock: ConnectionPoolClass, connectionError: ConnectionError): ConnectionPoolClass {
  return class extends stock {
    constructor(options: never) {
      super(options)
      for (const connection of this.pool) {
        const leaveAll = () => this.#leave(connection)
        connection.requestQueue.onSilence = leaveAll
      }
    }

    #leave(silent: Connection): void {
      silent.logError(`${SILENT}: connecting anew`)
      for (const connection of this.pool) if (connection.isConnected()) leave(connection, connectionError)
    }
  }
}

function leave(connection: Connection, connectionError: ConnectionError): void {
  const { host, port } = connection
  connection.connectionStatus = DISCONNECTED
  connection.authenticatedAt = null
  connection.socket.destroy()
  connection.requestQueue.destroy()
  connection.authHandlers?.onError()
  connection.rejectRequests(new connectionError(SILENT, { broker: `${host}:${port}` }))
}
