import type { Socket } from 'node:net'
import { type IncomingMessage, STATUS_CODES } from 'node:http'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, LogController, type RouteOptions } from 'fastify'
import { HTTP_LIMITS, type HttpLimits } from './http-limits.js'
import { refuseUnknownMethods } from './method-not-allowed.js'
import { Problem, problemDocument } from './problem.js'
import { sendProblem } from './send-problem.js'
import { traceIdOf } from './trace-context.js'
import { UnreadBody } from './unread-body.js'

/**
 * Fastify as this API needs it: nothing done for a request that no route asked for.
 * @param trustedProxies CIDRs from where `X-Forwarded-For` tells the client's address
 */
export function createHttpAdapter(trustedProxies: string[] = [], limits: HttpLimits = HTTP_LIMITS): FastifyAdapter {
  const adapter = new FastifyAdapter({
    trustProxy: trustedProxies.length > 0 && trustedProxies,
    // No Nest middleware is used, so its bridge would only cost time.
    skipMiddie: true,
    logger: false,
    // Also without a logger, Fastify would build what it would have logged.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: limits.bodyBytes,
    requestTimeout: limits.requestWithinMs,
    keepAliveTimeout: limits.idleForMs,
    connectionTimeout: limits.stalledAfterMs,
    http: {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersWithinMs,
      connectionsCheckingInterval: limits.checkEveryMs,
      // Notices a peer that vanished without a word.
      keepAlive: true,
    },
    forceCloseConnections: 'idle',
    // While draining, what still arrives on an open connection is answered as ever, and asked to close it.
    return503OnClosing: false,
    requestIdHeader: false,
    genReqId: (request: IncomingMessage) => traceIdOf(request.headers),
    // An id as long as the whole request may be is an unknown id like any other.
    routerOptions: { maxParamLength: 16 * 1024 },
    // What is wrong before there is a route: a path that cannot be decoded.
    frameworkErrors: (_error: Error, request: FastifyRequest, reply: FastifyReply) => {
      const problem = new Problem(400, 'Bad Request', 'The path cannot be read.')
      void sendProblem(problem, request, reply)
    },
    clientErrorHandler,
  })
  const instance = adapter.getInstance<FastifyInstance>()
  instance.removeAllContentTypeParsers()
  // Left in the connection: it is read and decoded where it is validated, behind the guards.
  instance.addContentTypeParser('application/json', (request, stream, done) => {
    done(null, new UnreadBody(stream, request.headers, request.routeOptions.bodyLimit))
  })
  instance.addHook('onRoute', applyBodyLimit)
  refuseUnknownMethods(instance)
  instance.addHook('onRequest', (request, _reply, done) => {
    // Names and values, one after the other. Node itself would leave out what is beyond a thousand, in silence.
    done(request.raw.rawHeaders.length > 2 * limits.headerCount ? tooManyHeaders(limits) : undefined)
  })
  return adapter
}

// Nest hands Fastify a route's config, not its options.
function applyBodyLimit(route: RouteOptions): void {
  const limit = (route.config as { bodyLimit?: number } | undefined)?.bodyLimit
  if (limit !== undefined) route.bodyLimit = limit
}

function tooManyHeaders({ headerCount }: HttpLimits): Problem {
  return new Problem(431, 'Request Header Fields Too Large', `The request has more than ${headerCount} headers.`)
}

/** What is no HTTP request never reaches a route; it is answered on the bare socket, in the same form. */
function clientErrorHandler(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const [status, detail] = REFUSALS[error.code ?? ''] ?? [400, 'What arrived is not an HTTP request.']
  const title = STATUS_CODES[status] ?? 'Bad Request'
  const body = JSON.stringify(problemDocument(new Problem(status, title, detail), '', traceIdOf({})))
  socket.end(
    `HTTP/1.1 ${status} ${title}\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}

const REFUSALS: Record<string, [status: number, detail: string]> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'The request took too long to arrive.'],
  HPE_HEADER_OVERFLOW: [431, 'The headers are too long.'],
}
