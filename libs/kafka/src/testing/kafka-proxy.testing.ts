import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** Kafka's numbers of some APIs. */
export const PRODUCE = 0
export const FETCH = 1
export const LIST_OFFSETS = 2
export const METADATA = 3
export const FIND_COORDINATOR = 10
export const JOIN_GROUP = 11
export const HEARTBEAT = 12
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
  /** Sees each answer before the client does, and answers what to pass on, or nothing when it has done so itself. */
  onAnswer: (api: number, answer: Buffer, client: Socket) => Buffer | undefined = (_, answer) => answer
  /** Passes nothing on, in either direction, and keeps connections open. */
  isSilent = false
  private readonly sockets = new Set<Socket>()
  /** Clients' connections with the APIs that each was used for. */
  private readonly clients = new Map<Socket, Set<number>>()
  private readonly silenced = new Set<Socket>()

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

  /**
   * Connections that are open now pass nothing on from now on, and stay open; later ones do. With an API only those that
   * were used for it.
   */
  silenceOpen(api?: number): void {
    for (const [client, apis] of this.clients) {
      if (api === undefined || apis.has(api)) this.silenced.add(client)
    }
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
    const asked = new Map<number, number>()
    const apis = new Set<number>()
    const isSilent = () => this.isSilent || this.silenced.has(client)
    this.clients.set(client, apis)
    client.on('close', () => {
      this.clients.delete(client)
      this.silenced.delete(client)
    })
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
        if (isSilent()) return
        const api = frame.readInt16BE(4)
        this.requests.push(api)
        apis.add(api)
        asked.set(frame.readInt32BE(8), api)
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
        if (isSilent()) return
        const id = frame.readInt32BE(4)
        if (lost.has(id)) return client.destroy()
        const answer = this.onAnswer(asked.get(id)!, this.redirected(frame), client)
        asked.delete(id)
        if (answer) client.write(answer)
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
