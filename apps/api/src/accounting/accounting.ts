import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common'
import { AccountingStore } from '#postgres'
import { LOGGER, type Logger } from '#telemetry'
import { ReadModelProgress } from '../deliveries/read-model-progress.js'
import { FailingLog } from '../infrastructure/failing-log.js'
import { RepeatingTask } from '../infrastructure/repeating-task.js'
import { AccountingMetrics } from './accounting-metrics.js'

/** A defect is seen within this and a scrape. Ms. */
const EVERY_MS = 15_000
/** Replicas that look a little later than this find what another has just found. Ms. */
const FRESH_FOR_MS = EVERY_MS - 2_000
/** How long a look waits for the read models to come as far as the log was at its beginning. Ms. */
const PATIENCE_MS = 10_000

/**
 * Looks every so often whether everything that was promised was done. While the read models are behind it says nothing
 * new, rather than taking for lost what is only not known yet: the time of the figures then stands still.
 */
@Injectable()
export class Accounting implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #task = new RepeatingTask(
    (stopping) => this.#look(stopping),
    EVERY_MS,
    (error) => this.#failing.failed(error),
  )
  readonly #failing: FailingLog

  constructor(
    private readonly store: AccountingStore,
    private readonly progress: ReadModelProgress,
    private readonly metrics: AccountingMetrics,
    @Inject(LOGGER) private readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>,
  ) {
    this.#failing = new FailingLog(
      logger,
      'warn',
      'the balance cannot be looked at; trying again',
      'the balance is looked at again',
    )
  }

  onApplicationBootstrap(): void {
    this.#task.start()
  }

  /** Before what it asks is closed. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.#task.stop()
  }

  async #look(stopping: AbortSignal): Promise<void> {
    const latest = await this.store.latest()
    const asOf = Date.now()
    const isFresh = latest !== undefined && asOf - latest.asOf < FRESH_FOR_MS
    const isDue = !isFresh && (await this.progress.caughtUp(PATIENCE_MS, stopping))
    const accounts = isDue ? await this.store.look(asOf, () => stopping.aborted) : latest
    if (!accounts) return
    this.metrics.show(accounts)
    this.#failing.succeeded()
    const { overdue, notFannedOut } = accounts
    if (!isFresh && accounts !== latest && overdue + notFannedOut > 0) {
      this.logger.error({ overdue, notFannedOut }, 'the balance does not add up: `admin audit` lists what is missing')
    }
  }
}
