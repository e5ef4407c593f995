import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common'
import type { ApiConfig } from '#config'
import { warningDueSince } from '#domain'
import { WarningStore } from '#postgres'
import { LOGGER, type Logger } from '#telemetry'
import { FailingLog } from '../infrastructure/failing-log.js'
import { API_CONFIG } from '../infrastructure/injection-tokens.js'
import { RepeatingTask } from '../infrastructure/repeating-task.js'
import { Notifications } from '../notifications/notifications.js'

/** Half of six hours is not missed by a minute. Ms. */
const LONGEST_INTERVAL_MS = 60_000
const SHORTEST_INTERVAL_MS = 250
/** Looks this often between a streak's half time and its end. */
const LOOKS_PER_HALF = 10

/** Warns the owners of webhooks that have been failing for half of the time after which they will be disabled. */
@Injectable()
export class HalfTimeWarnings implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #task: RepeatingTask
  readonly #failing: FailingLog

  constructor(
    private readonly warnings: WarningStore,
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
      () => this.#look(),
      Math.min(LONGEST_INTERVAL_MS, Math.max(SHORTEST_INTERVAL_MS, everyMs)),
      (error) => this.#failing.failed(error),
    )
  }

  onApplicationBootstrap(): void {
    this.#task.start()
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#task.stop()
  }

  async #look(): Promise<void> {
    const { warned, isMore } = await this.warnings.warn(warningDueSince(this.config.disable, Date.now()))
    this.#failing.succeeded()
    if (warned > 0) {
      this.logger.info({ warned }, 'owners of failing webhooks are warned')
      this.notifications.wake()
    }
    if (isMore) this.#task.wake()
  }
}
