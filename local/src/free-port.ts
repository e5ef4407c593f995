import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'
import { waitUntil } from './wait-until.js'

/**
 * A port that nobody listens on, from 20000 to 31999: below the range that Linux takes outgoing ports from, so that no
 * client socket can sit on it while its server is being started again.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000)
    if (await isPortFree(port)) return port
  }
}

/** The first free port at or above `port`, leaving out those in `taken`. */
export async function nextFreePort(port: number, taken: readonly number[] = []): Promise<number> {
  for (let candidate = port; candidate < 65_536; candidate++) {
    if (!taken.includes(candidate) && (await isPortFree(candidate))) return candidate
  }
  throw new Error(`no free port from ${port} on`)
}

/**
 * Before a server is started on a port of its choice: without this, another server there would seem to be ours, ready.
 * Waits a little, for a predecessor's socket may outlive it by a moment.
 *
 * @throws Error naming the port
 */
export async function requireFreePort(port: number, server: string): Promise<void> {
  const limits = { timeoutMs: 2000, everyMs: 100 }
  await waitUntil('its release', () => isPortFree(port), limits).catch((cause: unknown) => {
    throw new Error(`Port ${port}, meant for ${server}, is in use`, { cause })
  })
}

/** Whether a server could listen on this port now, on every address of the machine. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE' || error.code === 'EACCES') resolve(false)
      else reject(error)
    })
    server.listen({ port, exclusive: true }, () => server.close(() => resolve(true)))
  })
}
