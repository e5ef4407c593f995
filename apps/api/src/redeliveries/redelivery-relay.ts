import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common'
import type { ApiConfig } from '#config'
import { RedeliveryStore } from '#postgres'
import { LOGGER, type Logger } from '#telemetry'
import { FailingLog } from '../infrastructure/failing-log.js'
import { API_CONFIG } from '../infrastructure/injection-tokens.js'
import { RepeatingTask } from '../infrastructure/repeating-task.js'
import { RedeliveryLog } from './redelivery-log.js'

const LOOK_EVERY_MS = 2_000
/** Longer than a request waits for the log, 3 s for each of its two writes: younger ones are still in its hands. Ms. */
const LEFT_BEHIND_AFTER_MS = 8_000
const FORGET_EVERY_MS = 3_600_000

/** Sends the redeliveries that were promised by a process that died, or during an outage. Runs in every replica. */
@Injectable()
export class RedeliveryRelay implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #tasks: RepeatingTask[]
  readonly #sending: FailingLog
  readonly #forgetting: FailingLog

  constructor(
    private readonly store: RedeliveryStore,
    private readonly log: RedeliveryLog,
    @Inject(API_CONFIG) private readonly config: Pick<ApiConfig, 'topics'>,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    const unsent = 'redeliveries could not be looked after; trying again'
    const kept = 'numbers of old chains could not be forgotten; trying again'
    this.#sending = new FailingLog(logger, 'warn', unsent, 'redeliveries are looked after again')
    this.#forgetting = new FailingLog(logger, 'warn', kept, 'numbers of old chains are forgotten again')
    this.#tasks = [
      new RepeatingTask(
        () => this.#sendLeftBehind(),
        LOOK_EVERY_MS,
        (error) => this.#sending.failed(error),
      ),
      new RepeatingTask(
        () => this.#forget(),
        FORGET_EVERY_MS,
        (error) => this.#forgetting.failed(error),
      ),
    ]
  }

  onApplicationBootstrap(): void {
    for (const task of this.#tasks) task.start()
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all(this.#tasks.map((task) => task.stop()))
  }

  async #sendLeftBehind(): Promise<void> {
    const sent = await this.store.sendLeftBehind(LEFT_BEHIND_AFTER_MS, (chains) => this.log.write(chains))
    this.#sending.succeeded()
    if (sent > 0) this.logger.info({ redeliveries: sent }, 'redeliveries that were left behind are in the log')
  }

  /** A number is of use for as long as its delivery can be asked for. */
  async #forget(): Promise<void> {
    await this.store.forgetOlderThan(this.config.topics.deliveryRetentionMs)
    this.#forgetting.succeeded()
  }
}
