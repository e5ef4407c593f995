import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common'
import { DatabaseUnavailable, PartitionStore } from '#postgres'
import { LOGGER, type Logger } from '#telemetry'

/** Often enough that a failed run has many more before the days made ahead are used up. Ms. */
const EVERY_MS = 3_600_000
/** When the coming days could not be made, which at the start often means that the schema is not there yet. Ms. */
const AGAIN_AFTER_MS = 30_000
/** When a day could not be dropped: a dump or an audit reads for long, and each try holds everybody up for a moment. Ms. */
const DROP_AGAIN_AFTER_MS = 600_000
/** Whatever reads for longer than this keeps us from what was promised, and the disk from being free. Ms. */
const WARN_EVERY_MS = 86_400_000
/** Days of partitions made ahead; rows for a day without one make it themselves, only a little later. */
const DAYS_AHEAD = 3

/** Makes the partitions of the coming days and drops those that nobody may look at any more. Any replica may. */
@Injectable()
export class ReadModelRetention implements OnApplicationBootstrap, OnApplicationShutdown {
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #isStopped = false
  /** Since when days are read that should be gone, and when it was last told; null when none is. `performance.now()`. */
  #inUse: { since: number; toldAt: number } | null = null

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
    this.#running = this.#run().then((restMs) => {
      if (this.#isStopped) return
      this.#timer = setTimeout(() => this.#begin(), restMs)
      this.#timer.unref()
    })
  }

  /** @returns ms until the next run */
  async #run(): Promise<number> {
    try {
      await this.partitions.ensureAhead(DAYS_AHEAD)
    } catch (error) {
      this.logger.warn({ err: error }, 'the partitions of the coming days could not be made; trying again')
      return AGAIN_AFTER_MS
    }
    try {
      const dropped = await this.partitions.dropExpired(() => this.#isStopped)
      this.#inUse = null
      if (dropped.length > 0) this.logger.info({ dropped }, 'partitions older than the retention were dropped')
      return EVERY_MS
    } catch (error) {
      this.#tellOfDrop(error)
      return DROP_AGAIN_AFTER_MS
    }
  }

  #tellOfDrop(error: unknown): void {
    if (!(error instanceof DatabaseUnavailable)) {
      this.logger.warn({ err: error }, 'partitions older than the retention could not be dropped; trying again')
    } else {
      this.#tellInUse(error.message)
    }
  }

  #tellInUse(reason: string): void {
    const now = performance.now()
    if (!this.#inUse) {
      this.#inUse = { since: now, toldAt: now }
      this.logger.info({ reason }, 'partitions older than the retention cannot be dropped now; trying again quietly')
    } else if (now - this.#inUse.toldAt >= WARN_EVERY_MS) {
      this.#inUse.toldAt = now
      const hours = Math.round((now - this.#inUse.since) / 3_600_000)
      this.logger.warn(
        { reason, hours },
        'partitions older than the retention are kept: something reads them all the time',
      )
    }
  }
}
