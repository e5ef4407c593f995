import { Inject, Injectable } from '@nestjs/common'
import type { Streak } from '#domain'
import { StreakSnapshot } from '#postgres'
import { LOGGER, type Logger } from '#telemetry'

/** Streaks that other processes counted before this one took their webhooks over, until their lanes want them. */
@Injectable()
export class KnownStreaks {
  #streaks = new Map<string, Streak>()

  constructor(
    private readonly snapshot: StreakSnapshot,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Reads what the read model knows, but for webhooks that have a lane: that counts by itself, and what it does not want
   * now would be an old story when it is made anew. With the read model away lanes start to count from nothing; delivery
   * does not wait for it.
   */
  async load(hasLane: (webhookId: string) => boolean): Promise<void> {
    try {
      const running = await this.snapshot.running()
      const wanted = running.filter(({ webhookId }) => !hasLane(webhookId))
      this.#streaks = new Map(wanted.map(({ webhookId, streak }) => [webhookId, streak]))
    } catch (error) {
      this.logger.warn({ err: error }, 'running streaks could not be read: lanes start to count anew')
    }
  }

  /** From here on the lane counts. */
  take(webhookId: string): Streak | null {
    const streak = this.#streaks.get(webhookId) ?? null
    this.#streaks.delete(webhookId)
    return streak
  }
}
