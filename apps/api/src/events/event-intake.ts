import { Inject, Injectable } from '@nestjs/common'
import { type ContextEvent, contextEventTypes, eventBody } from '#domain'
import { BatchingProducer, ProduceFailed } from '#kafka'
import { Counter, LOGGER, type Logger, Registry, type Span, type SpanAttributes, Tracing } from '#telemetry'
import { TopicMap, encodeContextEvent } from '#topics'
import { Problem } from '../http/problem.js'
import type { EventRequest } from './event-schemas.js'

/** An event that passed every check, with the id and time it will have everywhere. */
export interface EventToTake {
  id: string
  createdAt: string
  request: EventRequest
}

/**
 * Hands events to the log. Each becomes its final text here, once: nothing behind this parses it again. Touches Kafka
 * alone, so that events are taken whatever else is down.
 */
@Injectable()
export class EventIntake {
  readonly #accepted: Counter<'type'>

  constructor(
    private readonly producer: BatchingProducer,
    private readonly topics: TopicMap,
    private readonly tracing: Tracing,
    @Inject(LOGGER) private readonly logger: Logger,
    registry: Registry,
  ) {
    this.#accepted = new Counter({
      name: 'webhooks_events_accepted_total',
      help: 'Events that the log has acknowledged.',
      labelNames: ['type'] as const,
      registers: [registry],
    })
    // A rate is only seen from the second sample on.
    for (const type of contextEventTypes) this.#accepted.inc({ type }, 0)
  }

  /**
   * Resolves when the broker has acknowledged all of them with acks=all.
   * @throws {Problem} 503 within 3 s when it has not; some may be stored then, and the same ids may be sent again
   */
  take(events: EventToTake[], traceparent: string | undefined): Promise<void> {
    const span = this.tracing.start('event.accept', traceparent)
    return span ? this.#storeTraced(events, span) : this.#store(events, traceparent)
  }

  /** What fan-out does with them follows from this span, and no longer directly from the producer's. */
  async #storeTraced(events: EventToTake[], span: Span): Promise<void> {
    if (span.isRecorded) span.describe(attributesOf(events, this.topics.contextEvents))
    try {
      await this.#store(events, span.traceparent)
    } catch (error) {
      span.end(error instanceof Problem ? 'unavailable' : 'failure')
      throw error
    }
    span.end()
  }

  async #store(events: EventToTake[], traceparent: string | undefined): Promise<void> {
    const topic = this.topics.contextEvents
    const records = events.map((event) => {
      const { account_id: accountId, type } = event.request
      const body = eventBody(contextEvent(event))
      return encodeContextEvent(topic, {
        id: event.id,
        accountId,
        type,
        body,
        ...(traceparent !== undefined && { traceparent }),
      })
    })
    try {
      await this.producer.send(records)
    } catch (error) {
      if (!(error instanceof ProduceFailed)) throw error
      // An outage is told by the producer itself; a refusal for good is a defect that repeating will not mend.
      if (!error.canRetry) this.logger.error({ err: error }, 'Kafka refused events')
      throw new Problem(503, 'Service Unavailable', NOT_STORED, { headers: { 'retry-after': '1' } })
    }
    for (const event of events) this.#accepted.inc({ type: event.request.type })
  }
}

const NOT_STORED = 'The events could not be stored in time. Send them again, with the same ids or Idempotency-Key.'

function contextEvent({ id, createdAt, request }: EventToTake): ContextEvent {
  return { id, type: request.type, created_at: createdAt, data: { context: request.context } }
}

/** Of a batch, which may be of several accounts, only how many there are. */
function attributesOf(events: EventToTake[], topic: string): SpanAttributes {
  const [event] = events
  return {
    'messaging.system': 'kafka',
    'messaging.operation.name': 'send',
    'messaging.destination.name': topic,
    ...(event && events.length === 1
      ? { 'event.id': event.id, 'event.type': event.request.type, 'account.id': event.request.account_id }
      : { 'messaging.batch.message_count': events.length }),
  }
}
