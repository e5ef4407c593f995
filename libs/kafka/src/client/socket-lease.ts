import { Socket } from 'node:net'
import { ENDED_BY_US } from './calm-log.js'
import { openSocket, type SocketFactory } from './kafkajs.js'

/**
 * The sockets of one kafkajs client, so that it can be ended for good: kafkajs itself waits for half-open
 * connections and goes on reconnecting after it was closed, which would bring back a member that has left.
 */
export class SocketLease {
  private readonly sockets = new Set<Socket>()
  private ended = false

  constructor(private readonly addresses: string[]) {}

  /** The broker list for kafkajs; empty once ended, which its endless reconnecting takes as final. */
  readonly brokers = (): string[] => (this.ended ? [] : this.addresses)

  readonly factory: SocketFactory = (options) => {
    if (this.ended) return new Socket().destroy(new Error(ENDED_BY_US))
    const socket = openSocket(options)
    // Two small requests in a row (heartbeat, commit) would otherwise wait for the broker's delayed acknowledgement.
    socket.setNoDelay(true)
    // kafkajs puts a listener on a socket that never connects at each of its retries; that is no leak of ours.
    socket.setMaxListeners(0)
    this.sockets.add(socket)
    socket.once('close', () => this.sockets.delete(socket))
    return socket
  }

  /** Destroys every socket; whatever was under way on them is rejected at once. */
  end(): void {
    this.ended = true
    for (const socket of this.sockets) socket.destroy(new Error(ENDED_BY_US))
  }
}
