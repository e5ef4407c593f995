import type { INestApplication } from '@nestjs/common'
import type { Server } from 'node:http'
import type { Socket } from 'node:net'

/** How long a connection that has just got its last answer may keep a stopping service waiting. Ms. */
const SWEEP_EVERY_MS = 50
/**
 * What takes longer to arrive or to be answered is cut off: whoever drips a request, or does not read its answer, must
 * not use up the grace period, in which consumers are still to leave their groups. An upload that is as slow is cut off with
 * them, and sent again. Ms.
 */
const CUT_OFF_AFTER_MS = 8_000

/** The connections of a server, from its start, so that it can end in time. */
export class OpenConnections {
  readonly #sockets = new Set<Socket>()

  constructor(private readonly server: Server) {
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  /** Those that wait for a next request, or on which none has begun: these Node takes for busy. */
  endIdle(): void {
    this.server.closeIdleConnections()
    for (const socket of this.#sockets) if (socket.bytesRead === 0) socket.destroy()
  }

  endAll(): void {
    this.server.closeAllConnections()
  }
}

/**
 * Stops listening, lets requests that are under way be answered, then closes Nest's modules. Connections that are idle
 * now Node closes by itself; one that becomes idle a moment later would stay open for the whole keep-alive time.
 */
export async function closeHttp(
  app: INestApplication,
  connections: OpenConnections,
  cutOffAfterMs = CUT_OFF_AFTER_MS,
): Promise<void> {
  const sweep = setInterval(() => connections.endIdle(), SWEEP_EVERY_MS)
  const cut = setTimeout(() => connections.endAll(), cutOffAfterMs)
  try {
    await app.close()
  } finally {
    clearInterval(sweep)
    clearTimeout(cut)
  }
}
