import type { Delivery, NextStep } from '#domain'
import type { SpanAttributes, Tracing } from '#telemetry'
import type { AttemptReport } from './attempt-delivery.js'

/**
 * One attempt as a span, made when all is known of it: nothing has to carry it, since receivers get nothing of our traces.
 * A retry's is beside it and not below: the record goes on with what it came with.
 *
 * @param next what follows from the attempt; null where it was a fault of ours and does not count
 */
export function traceAttempt(tracing: Tracing, delivery: Delivery, report: AttemptReport, next: NextStep | null): void {
  const span = tracing.start('delivery.attempt', delivery.traceparent, report.startedAt)
  if (!span) return
  if (span.isRecorded) span.describe(attributesOf(delivery, report, next))
  span.end(failureOf(report), report.startedAt + report.durationMs)
}

function failureOf({ result, ourFault }: AttemptReport): string | undefined {
  if (!result) return ourFault
  return result.kind === 'succeeded' ? undefined : result.reason
}

/** Of the URL the host alone: customers put keys into paths and queries. */
function attributesOf(delivery: Delivery, { request, response, result }: AttemptReport, next: NextStep | null) {
  const attributes: SpanAttributes = {
    'event.id': delivery.eventId,
    'event.type': delivery.eventType,
    'account.id': delivery.accountId,
    'webhook.id': delivery.webhookId,
    'delivery.id': delivery.id,
    'delivery.trigger': delivery.trigger,
    'delivery.chain': delivery.chain,
    'delivery.attempt': delivery.attempt,
    'delivery.outcome': result?.kind ?? 'our_fault',
  }
  if (next) attributes['delivery.next'] = next.kind === 'end' ? next.end : next.tier.name
  if (response) attributes['http.response.status_code'] = response.status
  if (URL.canParse(request.url)) attributes['server.address'] = new URL(request.url).hostname
  return attributes
}
