import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common'
import { PartitionStore } from '#postgres'
import { LOGGER, type Logger } from '#telemetry'

/** Often enough that a failed run has many more before the days made ahead are used up. Ms. */
const EVERY_MS = 3_600_000
/** After a run that failed, which at the start often means that the schema is not there yet. Ms. */
const AGAIN_AFTER_MS = 30_000
/** Days of partitions made ahead; rows for a day without one make it themselves, only a little later. */
const DAYS_AHEAD = 3

/** Makes the partitions of the coming days and drops those that nobody may look at any more. Any replica may. */
@Injectable()
export class ReadModelRetention implements OnApplicationBootstrap, OnApplicationShutdown {
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #isStopped = false

  constructor(
    private readonly partitions: PartitionStore,
    @Inject(LOGGER) private readonly logger: Pick<Logger, 'info' | 'warn'>,
  ) {}

  onApplicationBootstrap(): void {
    this.#begin()
  }

  async onApplicationShutdown(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    await this.#running
  }

  #begin(): void {
    this.#running = this.#run().then((isDone) => {
      if (this.#isStopped) return
      this.#timer = setTimeout(() => this.#begin(), isDone ? EVERY_MS : AGAIN_AFTER_MS)
      this.#timer.unref()
    })
  }

  async #run(): Promise<boolean> {
    try {
      await this.partitions.ensureAhead(DAYS_AHEAD)
      const dropped = await this.partitions.dropExpired()
      if (dropped.length > 0) this.logger.info({ dropped }, 'partitions older than the retention were dropped')
      return true
    } catch (error) {
      this.logger.warn({ err: error }, 'partitions could not be looked after; trying again')
      return false
    }
  }
}
