import { EventEmitter, once } from 'node:events'
import { Inject, Injectable } from '@nestjs/common'
import { BoundedMap, type DisableWebhook, type Held, type Lane, type NextStep, isExpired } from '#domain'
import { type ConsumedRecord, ProduceFailed, type RecordBatch } from '#kafka'
import { LOGGER, type Logger, Tracing } from '#telemetry'
import type { AttemptReport, CountedReport } from '../attempts/attempt-delivery.js'
import { traceAttempt } from '../attempts/attempt-span.js'
import { DispatchMetrics } from '../dispatch-metrics.js'
import { NewestChains } from '../past/newest-chains.js'
import { Settlement } from './settlement.js'
import { type Work, heldBytes, idsOf } from '../work.js'
import { WorksInHand } from '../works-in-hand.js'

export const DELIVERY_MAX_AGE_MS = Symbol('delivery max age in ms')

/** Of one webhook and cause one line is enough for so long; a metric counts them all. Ms. */
const TELL_AGAIN_MS = 60_000
const MOST_TOLD = 10_000
/** How long a delivery is put off for a fault of ours. Ms. */
const OUR_FAULT_PAUSE_MS = 5_000

/**
 * Writes, counts and logs what becomes of a delivery, and lets go of it once that is acknowledged. Nobody waits for
 * these writes but a drain.
 */
@Injectable()
export class Consequences {
  #unsettled = 0
  readonly #deferring: Held = { records: 0, bytes: 0 }
  readonly #settled = new EventEmitter()
  readonly #toldAt = new BoundedMap<string, number>(MOST_TOLD)
  #isEnding = false

  constructor(
    private readonly settlement: Settlement,
    private readonly inHand: WorksInHand,
    private readonly chains: NewestChains,
    private readonly metrics: DispatchMetrics,
    private readonly tracing: Tracing,
    @Inject(DELIVERY_MAX_AGE_MS) private readonly maxAgeMs: number,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** Put off and not written yet. */
  get deferring(): Readonly<Held> {
    return this.#deferring
  }

  /** What fails here is our machinery: it is not swallowed, it ends the process, and the log still has the record. */
  track(promise: Promise<void>): void {
    this.#unsettled++
    void promise
      .catch((error: unknown) => {
        if (!this.#isEnding || !isClosed(error)) throw error
      })
      .finally(() => {
        if (--this.#unsettled === 0) this.#settled.emit('all')
      })
  }

  /** The process ends: what cannot be written any more is left to the log, which still has its records. */
  ending(): void {
    this.#isEnding = true
  }

  async attempted(work: Work, report: CountedReport, command: DisableWebhook | null): Promise<void> {
    const next = await this.settlement.afterAttempt(work, report, command)
    if (command) this.logger.warn({ ...command }, 'asked to disable a webhook: its lane is silent')
    this.inHand.letGo(work)
    this.metrics.attempted(work.delivery, report, next)
    this.#log(work, report, next)
    traceAttempt(this.tracing, work.delivery, report, next)
  }

  /** Neither an attempt nor the receiver's doing: it is tried again soon, and loudly. */
  failedByUs(lane: Lane, work: Work, report: AttemptReport, now: number): void {
    const { ourFault, detail } = report
    this.metrics.ourFaults.inc({ cause: ourFault })
    if (this.#isNews(`${ourFault}/${work.delivery.webhookId}`, now)) {
      this.logger.error({ ...idsOf(work), cause: ourFault, detail }, 'a fault of ours: put off, as others may be')
    }
    traceAttempt(this.tracing, work.delivery, report, null)
    this.putOff(lane, work, now + OUR_FAULT_PAUSE_MS, 'us')
  }

  /**
   * @param until ms since the epoch; a chain that was replaced, or whose time is up, ends instead
   * @param by whose doing it is: however long ours takes, nothing expires by it
   */
  putOff(lane: Lane, work: Work, until: number, by: 'receiver' | 'us' = 'receiver'): void {
    const { delivery } = work
    if (this.chains.isReplaced(delivery)) return this.end(work, 'cancelled')
    const mayExpire = by === 'receiver'
    if (mayExpire && isExpired(delivery, lane, this.maxAgeMs, Date.now())) return this.end(work, 'expired')
    this.inHand.leave(work)
    lane.wasDeferred()
    this.metrics.deferred.inc()
    const bytes = heldBytes(work)
    this.#deferring.records++
    this.#deferring.bytes += bytes
    this.track(
      this.settlement.defer(work, until, by).then(() => {
        this.#deferring.records--
        this.#deferring.bytes -= bytes
        this.inHand.letGo(work)
      }),
    )
  }

  end(work: Work, end: 'cancelled' | 'expired'): void {
    this.metrics.ends.inc({ end })
    this.track(
      this.settlement.end(work, end).then(() => {
        this.inHand.letGo(work)
        this.logger.info({ stage: 'delivery.end', ...idsOf(work), end }, 'ended without an attempt')
      }),
    )
  }

  /** A record that nobody can read goes to the dead letters. */
  undecodable(record: ConsumedRecord, batch: RecordBatch, problem: string): void {
    this.track(this.settlement.undecodable(record, batch, problem))
  }

  repeatCommand(command: DisableWebhook): void {
    this.track(this.settlement.repeatCommand(command))
  }

  /**
   * Waits until all that was under way is settled, for at most `limitMs`.
   * @returns whether all was; what was not is still in the log and will be attempted again
   */
  async drained(limitMs: number): Promise<boolean> {
    if (this.#unsettled === 0) return true
    await once(this.#settled, 'all', { signal: AbortSignal.timeout(limitMs) }).catch(() => undefined)
    return this.#unsettled === 0
  }

  #isNews(fault: string, now: number): boolean {
    const toldAt = this.#toldAt.get(fault)
    if (toldAt !== undefined && now - toldAt < TELL_AGAIN_MS) return false
    this.#toldAt.set(fault, now)
    return true
  }

  #log(work: Work, report: CountedReport, next: NextStep): void {
    const { result } = report
    this.logger.info(
      {
        stage: 'delivery.attempt',
        ...idsOf(work),
        outcome: result.kind,
        ...('reason' in result && { reason: result.reason }),
        status: result.status,
        ms: report.durationMs,
        next: next.kind === 'end' ? next.end : next.tier.name,
        detail: report.detail,
      },
      'attempted',
    )
  }
}

function isClosed(error: unknown): boolean {
  return error instanceof ProduceFailed && error.code === 'closed'
}
