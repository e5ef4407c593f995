import type { FastifyInstance } from 'fastify'
import { Counter, type Registry } from '#telemetry'

const REASONS: Record<number, string> = {
  400: 'unreadable',
  401: 'unauthorized',
  403: 'forbidden',
  413: 'too_large',
  415: 'media_type',
  422: 'invalid',
  429: 'rate_limited',
  503: 'unavailable',
}
/** Of every other status. */
const OTHERWISE = 'failure'

/** Counts the requests to take events that were refused, a batch as one: how many it held may not be knowable. */
export function countRejectedEvents(instance: FastifyInstance, registry: Registry): void {
  const rejected = new Counter({
    name: 'webhooks_events_rejected_total',
    help: 'Requests to take events that were refused, by reason; a batch counts once.',
    labelNames: ['reason'] as const,
    registers: [registry],
  })
  // A rate is only seen from the second sample on: the first failure must not be it.
  for (const reason of [...Object.values(REASONS), OTHERWISE]) rejected.inc({ reason }, 0)
  instance.addHook('onResponse', (request, reply, done) => {
    if (reply.statusCode >= 400 && request.method === 'POST' && request.routeOptions.url?.startsWith('/v1/events')) {
      rejected.inc({ reason: REASONS[reply.statusCode] ?? OTHERWISE })
    }
    done()
  })
}
