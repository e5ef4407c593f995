import type { Socket } from 'node:net'

interface Connection {
  bytesBuffered: number
  bytesNeeded: number
  chunks: Buffer[]
  socket?: Socket
  /** Ours: while it connects. */
  connecting?: Promise<boolean> | undefined
  isConnected(): boolean
  connect(): Promise<boolean>
}

interface ConnectingBroker {
  versions: object | null
  connect(): Promise<void>
  disconnect(): Promise<void>
}

/** Of a frame: the four bytes that tell its length. */
const LENGTH_BYTES = 4

/**
 * kafkajs goes on with what the old connection had brought of an answer before it was reset, and takes the new one's
 * answers for the rest: nothing that it reads then is what was sent. The same with what the old socket brings later, its end
 * as well. And whoever finds it not connected makes a socket for it, of which it knows only the last.
 */
export function forgetHalfAnswers(connectionClass: { prototype: Connection }): void {
  const { connect } = connectionClass.prototype
  function connectAfresh(this: Connection): Promise<boolean> {
    if (this.isConnected()) return connect.call(this)
    if (this.connecting) return this.connecting
    this.bytesBuffered = 0
    this.bytesNeeded = LENGTH_BYTES
    this.chunks = []
    this.socket?.destroy()
    this.connecting = connect.call(this).finally(() => (this.connecting = undefined))
    return this.connecting
  }
  connectionClass.prototype.connect = connectAfresh
}

/**
 * A broker that takes a connection and is silent (stopped, or busy) leaves kafkajs with one that it takes for ready and
 * cannot use: it never asks again what the broker understands. Closed, and told as what it is, it is made anew, with the next
 * broker of the list. One that was known before and is silent while we say who we are is tried again for a minute by kafkajs,
 * which looks for those that took its place only when a connection fails.
 */
export function leaveSilentBrokers(
  brokerClass: { prototype: ConnectingBroker },
  connectionError: new (message: string) => Error,
): void {
  const { connect } = brokerClass.prototype
  async function connectOrLeave(this: ConnectingBroker): Promise<void> {
    try {
      await connect.call(this)
    } catch (error) {
      const { name, message } = error as Error
      const isLate = name === 'KafkaJSRequestTimeoutError'
      // One that waits for another's connecting has nothing to close.
      const isOurs = name !== 'KafkaJSLockTimeout'
      if (!isOurs || (this.versions && !isLate)) throw error
      await this.disconnect()
      throw isLate ? new connectionError(message) : error
    }
  }
  brokerClass.prototype.connect = connectOrLeave
}
