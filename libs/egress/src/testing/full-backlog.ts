import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

// Listens and then never returns to its event loop: the kernel takes connections until the backlog is full, and from
// then on answers no SYN. It ends by itself, should the test be killed before it can.
const STUCK_LISTENER = `
  const server = require('node:net').createServer()
  server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    require('node:fs').writeSync(1, String(server.address().port))
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20_000)
    process.exit()
  })`

/** A listener on loopback that completes no further TCP handshake. */
export class FullBacklog {
  private constructor(
    private readonly child: ChildProcess,
    private readonly fillers: Socket[],
    readonly port: number,
  ) {}

  static async start(): Promise<FullBacklog> {
    const child = spawn(process.execPath, ['-e', STUCK_LISTENER], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [port] = (await once(child.stdout, 'data')) as [Buffer]
    const backlog = new FullBacklog(child, [], Number(port.toString()))
    while (await backlog.takesAnother());
    return backlog
  }

  async stop(): Promise<void> {
    this.fillers.forEach((socket) => socket.destroy())
    this.child.kill('SIGKILL')
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'exit')
  }

  private takesAnother(): Promise<boolean> {
    const socket = connect({ host: '127.0.0.1', port: this.port })
    socket.on('error', () => {})
    this.fillers.push(socket)
    // On loopback a handshake that is going to succeed does so at once.
    return Promise.race([
      once(socket, 'connect').then(() => true),
      new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 150)),
    ])
  }
}
