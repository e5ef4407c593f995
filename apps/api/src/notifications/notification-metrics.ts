import { Injectable } from '@nestjs/common'
import { type EventType, type NotableChange, operationalEventTypes } from '#domain'
import { Counter, Gauge, Registry } from '#telemetry'

/** Complete, says the compiler. */
const KINDS: Record<NotableChange, true> = { failing: true, disabled: true, enabled: true }

@Injectable()
export class NotificationMetrics {
  readonly #pending: Gauge
  readonly #sent: Counter
  readonly #failed: Counter
  readonly #withheld: Counter
  readonly #eventsPending: Gauge
  readonly #eventsSent: Counter
  readonly #eventsFailed: Counter

  constructor(registry: Registry) {
    const registers = [registry]
    this.#pending = new Gauge({
      name: 'webhooks_notifications_pending',
      help: 'Notifications that wait to be sent, by all replicas together, as of the last look.',
      registers,
    })
    this.#sent = new Counter({
      name: 'webhooks_notifications_sent_total',
      help: 'Notifications that the mail server took, or that became files.',
      labelNames: ['kind'],
      registers,
    })
    this.#failed = new Counter({
      name: 'webhooks_notifications_failed_total',
      help: 'Attempts to send a notification that failed; given_up: it is not tried again.',
      labelNames: ['next'],
      registers,
    })
    this.#withheld = new Counter({
      name: 'webhooks_notifications_withheld_total',
      help: 'Mails that were not sent because their account had had those of the hour.',
      registers,
    })
    this.#eventsPending = new Gauge({
      name: 'webhooks_operational_events_pending',
      help: 'Events about webhooks that wait to be put into the log, by all replicas together, as of the last look.',
      registers,
    })
    this.#eventsSent = new Counter({
      name: 'webhooks_operational_events_sent_total',
      help: 'Events about webhooks that the log has acknowledged, repeats after a crash included.',
      labelNames: ['type'],
      registers,
    })
    this.#eventsFailed = new Counter({
      name: 'webhooks_operational_events_failed_total',
      help: 'Looks for events about webhooks that failed, Postgres or Kafka being away. All are tried again.',
      registers,
    })
    // A rate is only seen from the second sample on: the first failure must not be it.
    for (const next of ['retry', 'given_up']) this.#failed.inc({ next }, 0)
    for (const kind of Object.keys(KINDS)) this.#sent.inc({ kind }, 0)
    for (const type of operationalEventTypes) this.#eventsSent.inc({ type }, 0)
  }

  pending(count: number): void {
    this.#pending.set(count)
  }

  sent(kind: NotableChange): void {
    this.#sent.inc({ kind })
  }

  eventsPending(count: number): void {
    this.#eventsPending.set(count)
  }

  eventSent(type: EventType): void {
    this.#eventsSent.inc({ type })
  }

  eventsFailed(): void {
    this.#eventsFailed.inc()
  }

  failed(next: 'retry' | 'given_up'): void {
    this.#failed.inc({ next })
  }

  withheld(count: number): void {
    this.#withheld.inc(count)
  }
}
