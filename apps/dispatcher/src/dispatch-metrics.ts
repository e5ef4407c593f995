import { Injectable } from '@nestjs/common'
import { type Delivery, FAILURE_REASONS, type NextStep, deliveryStatuses } from '#domain'
import { ATTEMPT_BUCKETS, Counter, DELAY_BUCKETS, Gauge, Histogram, Registry } from '#telemetry'
import type { AttemptReport, CountedReport } from './attempts/attempt-delivery.js'

/** What is read at each scrape. */
export interface DispatchState {
  inFlight(): number
  lanes(): number
  heldRecords(): number
  heldBytes(): number
}

/** Complete, says the compiler: one that is missing would show with its first fault, which nobody would see. */
const OUR_FAULTS: Record<NonNullable<AttemptReport['ourFault']>, true> = {
  file_descriptors: true,
  buffers: true,
  memory: true,
  ports: true,
  resolver: true,
  network: true,
  sealed_secret: true,
}

/** Labels come from closed lists only: never a webhook's or an account's id. */
@Injectable()
export class DispatchMetrics {
  readonly deferred: Counter
  readonly ends: Counter
  readonly repeats: Counter
  readonly ourFaults: Counter
  readonly lateViews: Counter
  readonly undecodable: Counter
  readonly #attempts: Counter
  readonly #duration: Histogram
  readonly #firstDelay: Histogram

  constructor(private readonly registry: Registry) {
    const counter = (name: string, help: string, labelNames: string[] = []) =>
      new Counter({ name, help, labelNames, registers: [registry] })
    this.#attempts = counter('webhooks_attempts_total', 'HTTP requests made, by what they came to.', [
      'outcome',
      'reason',
    ])
    this.ends = counter('webhooks_chains_ended_total', 'Chains of attempts that ended, by how.', ['end'])
    this.deferred = counter('webhooks_deliveries_deferred_total', 'Deliveries put off without an attempt.')
    this.repeats = counter(
      'webhooks_repeats_dropped_total',
      'Records completed without an attempt: doubled, or done before a crash.',
    )
    this.ourFaults = counter('webhooks_own_faults_total', 'Attempts that failed for a reason of ours.', ['cause'])
    this.lateViews = counter('webhooks_late_views_total', 'Times that the view of the webhooks was not ready in 5 s.')
    this.undecodable = counter(
      'webhooks_records_undecodable_total',
      'Records that could not be read and went to the dead letters.',
    )
    this.#startAtZero()
    this.#duration = new Histogram({
      name: 'webhooks_attempt_duration_seconds',
      help: 'One whole attempt, from resolver to last byte.',
      buckets: ATTEMPT_BUCKETS,
      registers: [registry],
    })
    this.#firstDelay = new Histogram({
      name: 'webhooks_first_attempt_delay_seconds',
      help: 'From the acceptance of an event to the start of its first attempt at a webhook.',
      buckets: DELAY_BUCKETS,
      registers: [registry],
    })
  }

  observe(state: DispatchState): void {
    this.#gauge('webhooks_attempts_in_flight', 'Requests under way.', () => state.inFlight())
    this.#gauge('webhooks_lanes', 'Webhooks that this process keeps a lane for.', () => state.lanes())
    this.#gauge('webhooks_held_records', 'Deliveries in memory: queued, waiting or under way.', () =>
      state.heldRecords(),
    )
    this.#gauge('webhooks_held_bytes', 'What these take, bytes.', () => state.heldBytes())
  }

  observeLeftInLog(count: () => number): void {
    this.#gauge(
      'webhooks_left_in_log_records',
      'Deliveries that were read and stay in the log until their turn.',
      count,
    )
  }

  attempted(delivery: Delivery, report: CountedReport, next: NextStep): void {
    const { result, startedAt, durationMs } = report
    this.#attempts.inc({ outcome: result.kind, reason: result.kind === 'succeeded' ? '' : result.reason })
    this.#duration.observe(durationMs / 1_000)
    if (delivery.attempt === 1 && delivery.trigger === 'automatic' && !delivery.isDeferred) {
      this.#firstDelay.observe(Math.max(0, startedAt - delivery.acceptedAt) / 1_000)
    }
    if (next.kind === 'end') this.ends.inc({ end: next.end })
  }

  /** A rate is only seen from the second sample on: the first fault must not be it. */
  #startAtZero(): void {
    this.#attempts.inc({ outcome: 'succeeded', reason: '' }, 0)
    this.#attempts.inc({ outcome: 'refused', reason: 'gone' }, 0)
    for (const reason of FAILURE_REASONS) this.#attempts.inc({ outcome: 'failed', reason }, 0)
    for (const end of deliveryStatuses) if (end !== 'waiting') this.ends.inc({ end }, 0)
    for (const cause of Object.keys(OUR_FAULTS)) this.ourFaults.inc({ cause }, 0)
  }

  #gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.set(read())
      },
    })
  }
}
