import type { INestApplication } from '@nestjs/common'
import type { Server } from 'node:http'

/** How long a connection that has just got its last answer may keep a stopping service waiting. Ms. */
const SWEEP_EVERY_MS = 50

/**
 * Stops listening, lets requests that are under way be answered, then closes Nest's modules. Connections that are idle
 * now Node closes by itself; one that becomes idle a moment later would stay open for the whole keep-alive time.
 */
export async function closeHttp(app: INestApplication): Promise<void> {
  const server = app.getHttpServer() as Server
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_EVERY_MS)
  try {
    await app.close()
  } finally {
    clearInterval(sweep)
  }
}
