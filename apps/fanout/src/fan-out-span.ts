import type { AcceptedEvent, FannedOut } from '#domain'
import type { Span, SpanAttributes } from '#telemetry'

/** What is delivered of the event follows from its fan-out, and no longer directly from its acceptance. */
export function continuedBy({ traceparent }: Span, event: AcceptedEvent): AcceptedEvent {
  return traceparent === undefined ? event : { ...event, traceparent }
}

export function fanOutAttributes(fact: FannedOut, topic: string): SpanAttributes {
  return {
    'messaging.system': 'kafka',
    'messaging.operation.name': 'process',
    'messaging.destination.name': topic,
    'event.id': fact.eventId,
    'event.type': fact.eventType,
    'account.id': fact.accountId,
    'fan_out.matched': fact.matched.length,
    'fan_out.unmatched': fact.unmatched.length,
  }
}
