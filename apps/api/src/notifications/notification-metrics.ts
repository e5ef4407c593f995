import { Injectable } from '@nestjs/common'
import type { NotificationKind } from '#postgres'
import { Counter, Gauge, Registry } from '#telemetry'

@Injectable()
export class NotificationMetrics {
  readonly #pending: Gauge
  readonly #sent: Counter
  readonly #failed: Counter

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
    // A rate is only seen from the second sample on: the first failure must not be it.
    for (const next of ['retry', 'given_up']) this.#failed.inc({ next }, 0)
  }

  pending(count: number): void {
    this.#pending.set(count)
  }

  sent(kind: NotificationKind): void {
    this.#sent.inc({ kind })
  }

  failed(next: 'retry' | 'given_up'): void {
    this.#failed.inc({ next })
  }
}
