import { Injectable } from '@nestjs/common'
import { type BalanceEntry, type Written, emptyBalance } from '#postgres'
import { Counter, DELAY_BUCKETS, Histogram, Registry } from '#telemetry'

/** Complete, says the compiler. */
const TABLES: Record<keyof Written['rows'], true> = {
  events: true,
  fan_outs: true,
  deliveries: true,
  attempts: true,
  too_old: true,
}

@Injectable()
export class ProjectorMetrics {
  readonly #rows: Counter
  readonly #balance: Counter
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
    this.#balance = new Counter({
      name: 'webhooks_balance_total',
      help:
        'Events accepted and fanned out; chains of attempts requested, replaced by a later one, and ended by result. ' +
        'As the read models tell, each once, all replicas together.',
      labelNames: ['entry'],
      registers,
    })
    // A rate is only seen from the second sample on.
    for (const entry of Object.keys(emptyBalance())) this.#balance.inc({ entry }, 0)
    for (const table of Object.keys(TABLES)) this.#rows.inc({ table }, 0)
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
  written({ rows, balance }: Written, unreadable: number, oldestAt: number, now: number): void {
    for (const entry of Object.keys(balance) as BalanceEntry[]) this.#balance.inc({ entry }, balance[entry])
    for (const [table, count] of Object.entries(rows)) this.#rows.inc({ table }, count)
    this.#unreadable.inc(unreadable)
    this.#delay.observe(Math.max(0, now - oldestAt) / 1_000)
  }

  failed(): void {
    this.#failures.inc()
  }
}
