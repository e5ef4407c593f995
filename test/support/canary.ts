import { once } from 'node:events'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { Certificate } from '../../local/src/index.js'

export interface SeenConnection {
  /** Where it was dialled to, in plain form: `10.0.0.1`, `fd00::1`. */
  address: string
  port: number
}

/**
 * Listens on all addresses that this machine has and keeps every connection in mind, before a byte of it is read. Behind
 * it is an HTTPS receiver that answers 200, so that a request which should never have been made would succeed.
 */
export class Canary {
  readonly connections: SeenConnection[] = []
  /** The hosts and paths of requests, as `POST good.example.com/path`. */
  readonly requests: string[] = []

  private constructor(private readonly servers: Server[]) {}

  static async start(ports: number[], certificate: Certificate): Promise<Canary> {
    const servers = ports.map(() => createServer())
    const canary = new Canary(servers)
    const receiver = createHttpsServer({ key: certificate.key, cert: certificate.cert }, (request, response) => {
      canary.requests.push(`${request.method} ${request.headers.host}${request.url}`)
      request.resume()
      // Each delivery opens a connection of its own, so that each is resolved and checked anew.
      request.on('end', () => response.writeHead(200, { connection: 'close' }).end())
    })
    for (const [index, server] of servers.entries()) {
      server.on('connection', (socket: Socket) => {
        canary.connections.push({ address: plain(socket.localAddress ?? ''), port: socket.localPort ?? 0 })
        socket.on('error', () => {})
        receiver.emit('connection', socket)
      })
      server.listen({ port: ports[index], host: '::' })
      await once(server, 'listening')
      if ((server.address() as AddressInfo).port !== ports[index]) throw new Error('listens elsewhere')
    }
    return canary
  }

  async stop(): Promise<void> {
    await Promise.all(this.servers.map((server) => new Promise((resolve) => server.close(resolve))))
  }
}

function plain(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1] ?? address
}
