import { Injectable } from '@nestjs/common'
import type { Written } from '#postgres'
import { Counter, DELAY_BUCKETS, Histogram, Registry } from '#telemetry'

@Injectable()
export class ProjectorMetrics {
  readonly #rows: Counter
  readonly #unreadable: Counter
  readonly #failures: Counter
  readonly #delay: Histogram

  constructor(registry: Registry) {
    const registers = [registry]
    this.#rows = new Counter({
      name: 'webhooks_projector_rows_total',
      help: 'Rows written to the read models by table; too_old: older than the retention and not written.',
      labelNames: ['table'],
      registers,
    })
    this.#unreadable = new Counter({
      name: 'webhooks_projector_records_unreadable_total',
      help: 'Records that the projector could not read; facts among them went to the dead letters.',
      registers,
    })
    this.#failures = new Counter({
      name: 'webhooks_projector_failures_total',
      help: 'Rounds that could not be written and were tried again.',
      registers,
    })
    this.#delay = new Histogram({
      name: 'webhooks_projector_delay_seconds',
      help: 'From the append of the oldest record of a round to its being readable by the API.',
      buckets: DELAY_BUCKETS,
      registers,
    })
  }

  /** `oldestAt`: the append time of the round's oldest record, `now` the time of its commit; both in ms. */
  written(rows: Written, unreadable: number, oldestAt: number, now: number): void {
    for (const [table, count] of Object.entries(rows)) this.#rows.inc({ table }, count)
    this.#unreadable.inc(unreadable)
    this.#delay.observe(Math.max(0, now - oldestAt) / 1_000)
  }

  failed(): void {
    this.#failures.inc()
  }
}
