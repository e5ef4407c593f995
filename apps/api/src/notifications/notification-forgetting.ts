import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common'
import type { ApiConfig } from '#config'
import { NotificationStore } from '#postgres'
import { LOGGER, type Logger } from '#telemetry'
import { API_CONFIG } from '../infrastructure/injection-tokens.js'
import { RepeatingTask } from '../infrastructure/repeating-task.js'

const FORGET_EVERY_MS = 3_600_000

/** Forgets notifications that were told both ways, when the deliveries of their time are forgotten. Every replica may. */
@Injectable()
export class NotificationForgetting implements OnApplicationBootstrap, OnApplicationShutdown {
  #isStopping = false
  readonly #task = new RepeatingTask(
    () => this.#forget(),
    FORGET_EVERY_MS,
    (error) => this.logger.warn({ err: error }, 'notifications could not be forgotten; trying again in an hour'),
  )

  constructor(
    private readonly store: NotificationStore,
    @Inject(API_CONFIG) private readonly config: Pick<ApiConfig, 'topics'>,
    @Inject(LOGGER) private readonly logger: Pick<Logger, 'warn'>,
  ) {}

  onApplicationBootstrap(): void {
    this.#task.start()
  }

  async onApplicationShutdown(): Promise<void> {
    this.#isStopping = true
    await this.#task.stop()
  }

  async #forget(): Promise<void> {
    await this.store.forgetDone(this.config.topics.deliveryRetentionMs, () => this.#isStopping)
  }
}
