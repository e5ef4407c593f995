import { Inject, Injectable } from '@nestjs/common'
import type { Streak } from '#domain'
import { StreakSnapshot } from '#postgres'
import { LOGGER, type Logger } from '#telemetry'
import type { WebhookHealth } from './webhook-health.js'

/** With the read model away at a takeover, how soon it is asked again. Ms. */
const ASK_AGAIN_MS = 5_000

/** Streaks that other processes counted before this one took their webhooks over, until their lanes want them. */
@Injectable()
export class KnownStreaks {
  #streaks = new Map<string, Streak>()
  #askingAgain: NodeJS.Timeout | undefined
  /** Lanes began to count from nothing since the read model could not be asked. */
  #isOwed = false

  constructor(
    private readonly snapshot: StreakSnapshot,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /**
   * Reads what the read model knows, but for webhooks that have a lane: that counts by itself, and what it does not want
   * now would be an old story when it is made anew. With the read model away delivery goes on, and lanes start to count
   * from nothing; it is asked again, and what it knows then is added to theirs.
   * @param healthOf the lane's, of a webhook that has one
   */
  async load(healthOf: (webhookId: string) => WebhookHealth | undefined): Promise<void> {
    clearTimeout(this.#askingAgain)
    try {
      const running = await this.snapshot.running()
      const wanted = running.filter(({ webhookId }) => !healthOf(webhookId))
      this.#streaks = new Map(wanted.map(({ webhookId, streak }) => [webhookId, streak]))
      if (this.#isOwed) for (const { webhookId, streak } of running) healthOf(webhookId)?.recall(streak)
      this.#isOwed = false
    } catch (error) {
      if (!this.#isOwed)
        this.logger.warn({ err: error }, 'running streaks could not be read: lanes start to count anew')
      this.#isOwed = true
      this.#askingAgain = setTimeout(() => void this.load(healthOf), ASK_AGAIN_MS)
      this.#askingAgain.unref()
    }
  }

  /** From here on the lane counts. */
  take(webhookId: string): Streak | null {
    const streak = this.#streaks.get(webhookId) ?? null
    this.#streaks.delete(webhookId)
    return streak
  }
}
