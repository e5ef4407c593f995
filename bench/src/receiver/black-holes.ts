import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

// Listens and then never takes a connection: its thread sleeps for ever. The system completes one or two connections a
// port for it; the packets of all others are dropped, as by a firewall, and their callers wait.
const script = `
const { createServer } = require('node:net')
const { parentPort, workerData } = require('node:worker_threads')
const ports = []
for (let i = 0; i < workerData; i++) {
  const server = createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    ports.push(server.address().port)
    if (ports.length < workerData) return
    parentPort.postMessage(ports)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })
}
`

/** Ports that swallow connection attempts without a word. */
export class BlackHoles {
  private constructor(
    private readonly worker: Worker,
    readonly ports: readonly number[],
  ) {}

  static async dig(count: number): Promise<BlackHoles> {
    const worker = new Worker(script, { eval: true, workerData: count })
    const [ports] = (await once(worker, 'message')) as [number[]]
    return new BlackHoles(worker, ports)
  }

  async fill(): Promise<void> {
    await this.worker.terminate()
  }
}
