import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** Kafka's numbers of some APIs. */
export const PRODUCE = 0
export const JOIN_GROUP = 11
export const SYNC_GROUP = 14

/**
 * Between a client and the broker: passes everything on, and can lose answers or go silent with its connections
 * open. Addresses in the broker's answers are changed to its own, or clients would go around it.
 */
export class KafkaProxy {
  /** Requests that reached it, by Kafka's number of the API. */
  readonly requests: number[] = []
  /** By API: so many of its next answers are lost, and the connection with each. */
  readonly loses = new Map<number, number>()
  /** Passes nothing on, in either direction, and keeps connections open. */
  isSilent = false
  private readonly sockets = new Set<Socket>()
  private readonly clients = new Set<Socket>()

  private constructor(
    private readonly server: Server,
    private readonly brokerPort: number,
  ) {
    server.on('connection', (client) => this.join(client))
  }

  static async start(brokers: string): Promise<KafkaProxy> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return new KafkaProxy(server, Number(brokers.split(':')[1]))
  }

  get brokers(): string {
    return `127.0.0.1:${this.port}`
  }

  /** Clients' connections that are open now. */
  get connections(): number {
    return this.clients.size
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets) socket.destroy()
    await new Promise((resolve) => this.server.close(resolve))
  }

  private get port(): number {
    return (this.server.address() as AddressInfo).port
  }

  private join(client: Socket): void {
    const broker = connect(this.brokerPort, '127.0.0.1')
    const lost = new Set<number>()
    this.clients.add(client)
    client.on('close', () => this.clients.delete(client))
    for (const [one, other] of [
      [client, broker],
      [broker, client],
    ] as const) {
      this.sockets.add(one)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        this.sockets.delete(one)
        other.destroy()
      })
    }
    client.on(
      'data',
      frames((frame) => {
        if (this.isSilent) return
        const api = frame.readInt16BE(4)
        this.requests.push(api)
        const left = this.loses.get(api) ?? 0
        if (left > 0) {
          this.loses.set(api, left - 1)
          lost.add(frame.readInt32BE(8))
        }
        broker.write(frame)
      }),
    )
    broker.on(
      'data',
      frames((frame) => {
        if (this.isSilent) return
        if (lost.has(frame.readInt32BE(4))) client.destroy()
        else client.write(this.redirected(frame))
      }),
    )
  }

  private redirected(frame: Buffer): Buffer {
    const address = addressBytes(this.brokerPort)
    const changed = Buffer.from(frame)
    for (let at = changed.indexOf(address); at >= 0; at = changed.indexOf(address, at + 1)) {
      addressBytes(this.port).copy(changed, at)
    }
    return changed
  }
}

function addressBytes(port: number): Buffer {
  const host = '127.0.0.1'
  const bytes = Buffer.alloc(2 + host.length + 4)
  bytes.writeInt16BE(host.length)
  bytes.write(host, 2)
  bytes.writeInt32BE(port, 2 + host.length)
  return bytes
}

/** Cuts a stream into Kafka's frames: a length of four bytes and as many bytes. */
function frames(onFrame: (frame: Buffer) => void): (data: Buffer) => void {
  let rest = Buffer.alloc(0)
  return (data) => {
    rest = Buffer.concat([rest, data])
    while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
      const end = 4 + rest.readInt32BE(0)
      onFrame(rest.subarray(0, end))
      rest = rest.subarray(end)
    }
  }
}
