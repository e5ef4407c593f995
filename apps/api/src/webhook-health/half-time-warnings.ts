import { type BeforeApplicationShutdown, Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common'
import type { ApiConfig } from '#config'
import { warningDueSince } from '#domain'
import { type LogEnds, WarningStore } from '#postgres'
import { LOGGER, type Logger } from '#telemetry'
import { ReadModelProgress } from '../deliveries/read-model-progress.js'
import { FailingLog } from '../infrastructure/failing-log.js'
import { API_CONFIG } from '../infrastructure/injection-tokens.js'
import { RepeatingTask } from '../infrastructure/repeating-task.js'
import { Notifications } from '../notifications/notifications.js'

/** Half of six hours is not missed by a minute. Ms. */
const LONGEST_INTERVAL_MS = 60_000
const SHORTEST_INTERVAL_MS = 250
/** Looks this often between a streak's half time and its end. */
const LOOKS_PER_HALF = 10
/** How long a look waits for the read models; the next one goes on with it. Ms. */
const WAIT_FOR_READ_MODELS_MS = 5_000

/** Streaks that were due at some time, and where the log ended by then. */
interface Due {
  /** They began then or before, ms since the epoch. */
  since: number
  ends: LogEnds
}

/**
 * Warns the owners of webhooks that have been failing for half of the time after which they will be disabled. While the
 * read models are behind, as after hours without Postgres, it warns nobody: the success that ended a streak may be in the
 * log and in no table yet, and a mail cannot be taken back.
 */
@Injectable()
export class HalfTimeWarnings implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #task: RepeatingTask
  readonly #failing: FailingLog
  /** Read models that are always some seconds behind come up to this one day, and never to the log's end of each look. */
  #due: Due | undefined

  constructor(
    private readonly warnings: WarningStore,
    private readonly progress: ReadModelProgress,
    private readonly notifications: Notifications,
    @Inject(API_CONFIG) private readonly config: Pick<ApiConfig, 'disable'>,
    @Inject(LOGGER) private readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>,
  ) {
    this.#failing = new FailingLog(
      logger,
      'warn',
      'failing webhooks could not be looked for; trying again',
      'failing webhooks are looked for again',
    )
    const everyMs = config.disable.afterMs / 2 / LOOKS_PER_HALF
    this.#task = new RepeatingTask(
      (stopping) => this.#look(stopping),
      Math.min(LONGEST_INTERVAL_MS, Math.max(SHORTEST_INTERVAL_MS, everyMs)),
      (error) => this.#failing.failed(error),
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
    this.#due ??= await this.#nowDue(stopping)
    const isToWarn = this.#due && (await this.progress.cameTo(this.#due.ends, WAIT_FOR_READ_MODELS_MS, stopping))
    this.#failing.succeeded()
    if (!this.#due || !isToWarn) return
    // After the wait streaks are looked at once more: a success that was in the log has ended its own by now.
    const { warned, isMore } = await this.warnings.warn(this.#due.since)
    this.#due = undefined
    if (warned > 0) {
      this.logger.info({ warned }, 'owners of failing webhooks are warned')
      this.notifications.wake()
    }
    if (isMore) this.#task.wake()
  }

  /** Nearly always there is nobody to warn, and Kafka is not asked. */
  async #nowDue(stopping: AbortSignal): Promise<Due | undefined> {
    const since = warningDueSince(this.config.disable, Date.now())
    return (await this.warnings.isAnyDue(since)) ? { since, ends: await this.progress.ends(stopping) } : undefined
  }
}
