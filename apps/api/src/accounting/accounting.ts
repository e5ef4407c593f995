import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common'
import { AccountingStore } from '#postgres'
import { LOGGER, type Logger } from '#telemetry'
import { FailingLog } from '../infrastructure/failing-log.js'
import { RepeatingTask } from '../infrastructure/repeating-task.js'
import { ReadModelMark } from '../replays/read-model-mark.js'
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
export class Accounting implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #task = new RepeatingTask(
    () => this.#look(),
    EVERY_MS,
    (error) => this.#failing.failed(error),
  )
  readonly #closing = new AbortController()
  readonly #failing: FailingLog

  constructor(
    private readonly store: AccountingStore,
    private readonly mark: ReadModelMark,
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

  async onApplicationShutdown(): Promise<void> {
    this.#closing.abort()
    await this.#task.stop()
  }

  async #look(): Promise<void> {
    const latest = await this.store.latest()
    const asOf = Date.now()
    const isFresh = latest !== undefined && asOf - latest.asOf < FRESH_FOR_MS
    const accounts =
      isFresh || !(await this.mark.comesUpToNow(PATIENCE_MS, this.#closing.signal))
        ? latest
        : await this.store.look(asOf)
    if (!accounts) return
    this.metrics.show(accounts)
    this.#failing.succeeded()
    const { overdue, notFannedOut } = accounts
    if (!isFresh && accounts !== latest && overdue + notFannedOut > 0) {
      this.logger.error({ overdue, notFannedOut }, 'the balance does not add up: `admin audit` lists what is missing')
    }
  }
}
