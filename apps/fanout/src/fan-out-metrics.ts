import { Injectable } from '@nestjs/common'
import { Counter, DELAY_BUCKETS, Histogram, Registry } from '#telemetry'

export interface FanOutCounts {
  events: number
  deliveries: number
  repeats: number
  undecodable: number
}

@Injectable()
export class FanOutMetrics {
  readonly failures: Counter
  readonly #events: Counter
  readonly #deliveries: Counter
  readonly #repeats: Counter
  readonly #undecodable: Counter
  readonly #delay: Histogram

  constructor(registry: Registry) {
    const registers = [registry]
    this.#events = new Counter({
      name: 'webhooks_events_fanned_out_total',
      help: 'Events matched against the webhooks of their account.',
      registers,
    })
    this.#deliveries = new Counter({
      name: 'webhooks_deliveries_created_total',
      help: 'Deliveries that fan-out wrote.',
      registers,
    })
    this.#repeats = new Counter({
      name: 'webhooks_events_repeated_total',
      help: 'Events dropped because their id was seen shortly before.',
      registers,
    })
    this.#undecodable = new Counter({
      name: 'webhooks_records_undecodable_total',
      help: 'Records that could not be read and went to the dead letters.',
      registers,
    })
    this.failures = new Counter({
      name: 'webhooks_fan_out_failures_total',
      help: 'Rounds that failed and were tried again.',
      registers,
    })
    this.#delay = new Histogram({
      name: 'webhooks_fan_out_delay_seconds',
      help: 'From the acceptance of an event to the acknowledgement of its deliveries.',
      buckets: DELAY_BUCKETS,
      registers,
    })
  }

  /** `acceptedAt` of each event and `now` in ms since the epoch. */
  fannedOut(counts: FanOutCounts, acceptedAt: number[], now: number): void {
    this.#events.inc(counts.events)
    this.#deliveries.inc(counts.deliveries)
    this.#repeats.inc(counts.repeats)
    this.#undecodable.inc(counts.undecodable)
    for (const at of acceptedAt) this.#delay.observe(Math.max(0, now - at) / 1_000)
  }
}
