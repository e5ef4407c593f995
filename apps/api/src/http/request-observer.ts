import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { callerIfAny } from '../accounts/caller.js'
import { Counter, Histogram, type Logger, type Registry } from '#telemetry'

/** One count, one duration and one log line per request, written when its answer is out. */
export function observeRequests(instance: FastifyInstance, registry: Registry, logger: Logger): void {
  const requests = new Counter({
    name: 'webhooks_api_requests_total',
    help: 'Requests answered, by route template, method and status.',
    labelNames: ['route', 'method', 'status'] as const,
    registers: [registry],
  })
  const durations = new Histogram({
    name: 'webhooks_api_request_duration_seconds',
    help: 'From the request’s headers to the end of its answer.',
    labelNames: ['route', 'method'] as const,
    buckets: REQUEST_BUCKETS,
    registers: [registry],
  })
  instance.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none'
    const { method } = request
    requests.inc({ route, method, status: reply.statusCode })
    durations.observe({ route, method }, reply.elapsedTime / 1000)
    log(logger, route, request, reply)
    done()
  })
}

// Seconds. Above what a producer's acknowledgement takes lies the 3 s after which both writes answer 503.
const REQUEST_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5]

function log(logger: Logger, route: string, request: FastifyRequest, reply: FastifyReply): void {
  const level = levelFor(route, request.method, reply.statusCode)
  if (!logger.isLevelEnabled(level)) return
  logger[level](
    {
      trace_id: request.id,
      method: request.method,
      route,
      ...idsIn(request),
      status: reply.statusCode,
      duration_ms: Math.round(reply.elapsedTime * 10) / 10,
    },
    'request',
  )
}

/** Who asked, and for which webhook, delivery or event: text of a stranger, so no more of it than an id has. */
function idsIn(request: FastifyRequest): Record<string, string> {
  const caller = callerIfAny(request)
  const id = (request.params as { id?: string } | null)?.id
  return {
    ...(caller && { key_id: caller.keyId }),
    ...(caller?.accountId && { account_id: caller.accountId }),
    ...(id !== undefined && { id: id.slice(0, 80) }),
  }
}

/** Ingestion is the hot path and tells its story in metrics; configuration is rare, and each change is worth a line. */
function levelFor(route: string, method: string, status: number): 'debug' | 'info' | 'warn' {
  if (status >= 500) return 'warn'
  const isIngest = method === 'POST' && route.startsWith('/v1/events')
  return isIngest || !route.startsWith('/v1/') ? 'debug' : 'info'
}
