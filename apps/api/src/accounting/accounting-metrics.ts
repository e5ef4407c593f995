import { Injectable } from '@nestjs/common'
import { AGE_LIMITS_S, type Accounts } from '#postgres'
import { Gauge, Registry } from '#telemetry'

/** Groups of ages as label values: each is younger than its name, the last is older than all. */
const AGES = [...AGE_LIMITS_S.map((limit) => `<${limit}s`), `>=${AGE_LIMITS_S.at(-1)}s`]

/** Where the balance stands, of all replicas together; every replica shows the same. Empty until the first look. */
@Injectable()
export class AccountingMetrics {
  #accounts: Accounts | undefined

  constructor(registry: Registry) {
    const gauge = (name: string, help: string, value: (accounts: Accounts) => number) => {
      const accounts = () => this.#accounts
      new Gauge({
        name,
        help,
        registers: [registry],
        collect() {
          const known = accounts()
          if (known) this.set(value(known))
        },
        // It begins with a zero, which would be a claim.
      }).remove()
    }
    gauge(
      'webhooks_deliveries_overdue',
      'Deliveries past their deadline without an end. Must be 0.',
      ({ overdue }) => overdue,
    )
    gauge(
      'webhooks_events_not_fanned_out',
      'Events that were accepted more than a minute before the last look and not fanned out. Must be 0.',
      ({ notFannedOut }) => notFannedOut,
    )
    gauge(
      'webhooks_accounting_timestamp_seconds',
      'When the log was looked at for these figures. Old: the read models are far behind, or nobody looks.',
      ({ asOf }) => asOf / 1_000,
    )
    const accounts = () => this.#accounts
    new Gauge({
      name: 'webhooks_deliveries_waiting',
      help: 'Deliveries without an end, by the age of their event.',
      labelNames: ['age'],
      registers: [registry],
      collect() {
        for (const [group, count] of (accounts()?.waiting ?? []).entries()) this.set({ age: AGES[group]! }, count)
      },
    })
  }

  show(accounts: Accounts): void {
    this.#accounts = accounts
  }
}
