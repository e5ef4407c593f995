import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions, type TLSSocket } from 'node:tls'
import type { KeyAndCertificate } from './certificates.js'

export interface RawReceiverOptions {
  /** Without it the receiver speaks plain TCP. */
  certificate?: KeyAndCertificate
  /** What else its TLS is: its versions, for one. */
  tls?: TlsOptions
  /** 127.0.0.1 and any free port unless told. */
  at?: { host: string; port: number }
  /** Called when a whole request is there, with its text; `tcp` is what lies below TLS. */
  onRequest?: (socket: Socket, request: string, count: number, tcp: Socket) => void
  /** Called with the secrets of TLS as they are made, a line each, as NSS writes key logs. */
  onKeyLog?: (line: string) => void
  /** Called with the TCP connection, before TLS. */
  onTcp?: (socket: Socket) => void
}

/** A receiver on loopback that speaks bytes, not HTTP, so that it can misbehave in every way. */
export class RawReceiver {
  /** TCP connections that were ever accepted, and those that are open now. */
  accepted = 0
  readonly open = new Set<Socket>()
  /** Ms from accept to close of the connections that ended. */
  readonly lifetimes: number[] = []
  readonly requests: string[] = []
  /** For every TLS connection, whether it resumed a session. */
  readonly resumed: boolean[] = []
  /** For every TLS connection, the name that its client asked for (SNI) and the version. */
  readonly handshakes: { name: string | false; version: string | null }[] = []

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  static async start(options: RawReceiverOptions): Promise<RawReceiver> {
    const { certificate } = options
    const server = certificate ? createTlsServer({ ...certificate, ...options.tls }) : createServer()
    server.listen(options.at ?? { host: '127.0.0.1', port: 0 })
    await once(server, 'listening')
    const receiver = new RawReceiver(server, (server.address() as AddressInfo).port)
    server.on('connection', (socket: Socket) => {
      receiver.accepted++
      receiver.open.add(socket)
      const since = performance.now()
      socket.on('close', () => {
        receiver.open.delete(socket)
        receiver.lifetimes.push(performance.now() - since)
      })
      // Resets are part of the game.
      socket.on('error', () => {})
      options.onTcp?.(socket)
    })
    server.on('keylog', (line: Buffer) => options.onKeyLog?.(line.toString()))
    server.on(certificate ? 'secureConnection' : 'connection', (socket: Socket | TLSSocket) => {
      if ('isSessionReused' in socket) receiver.met(socket)
      receiver.listen(socket, options)
    })
    return receiver
  }

  async stop(): Promise<void> {
    this.open.forEach((socket) => socket.destroy())
    this.server.close()
    await once(this.server, 'close')
  }

  private met(socket: TLSSocket): void {
    this.resumed.push(socket.isSessionReused())
    // `servername` stands on server sockets too, which the types of Node leave out.
    const { servername = false } = socket as TLSSocket & { servername?: string | false }
    this.handshakes.push({ name: servername, version: socket.getProtocol() })
  }

  // A TLS socket can be closed but not reset.
  private tcpOf(socket: Socket): Socket {
    return [...this.open].find(({ remotePort }) => remotePort === socket.remotePort) ?? socket
  }

  private listen(socket: Socket, options: RawReceiverOptions): void {
    let text = ''
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      const length = wholeLength(text)
      if (length === undefined || text.length < length) return
      const request = text.slice(0, length)
      text = text.slice(length)
      this.requests.push(request)
      options.onRequest?.(socket, request, this.requests.length, this.tcpOf(socket))
    })
  }
}

/** A well-formed answer as bytes. */
export function anAnswer(body = 'OK', status = 200, headers: Record<string, string> = {}): string {
  const all = { 'Content-Length': String(Buffer.byteLength(body)), ...headers }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} Some\r\n${lines.join('')}\r\n${body}`
}

function wholeLength(text: string): number | undefined {
  const headEnd = text.indexOf('\r\n\r\n')
  if (headEnd < 0) return undefined
  const [, length = '0'] = /^content-length: *(\d+)/im.exec(text) ?? []
  return headEnd + 4 + Number(length)
}
