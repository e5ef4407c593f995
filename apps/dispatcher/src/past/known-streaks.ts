import { Inject, Injectable } from '@nestjs/common'
import type { Streak } from '#domain'
import { StreakSnapshot } from '#postgres'
import { LOGGER, type Logger } from '#telemetry'
import { AskedAgain } from './asked-again.js'
import type { WebhookHealth } from '../webhooks/webhook-health.js'

/** Streaks that other processes counted before this one took their webhooks over, until their lanes want them. */
@Injectable()
export class KnownStreaks {
  #streaks = new Map<string, Streak>()
  readonly #reading: AskedAgain
  /** Lanes began to count from nothing since the read model could not be asked. */
  #isOwed = false

  constructor(
    private readonly snapshot: StreakSnapshot,
    @Inject(LOGGER) logger: Logger,
  ) {
    this.#reading = new AskedAgain((error) => {
      if (!this.#isOwed) logger.warn({ err: error }, 'running streaks could not be read: lanes start to count anew')
      this.#isOwed = true
      // Of an earlier takeover: other processes counted on since then.
      this.#streaks.clear()
    })
  }

  /**
   * Reads what the read model knows, but for webhooks that have a lane: that counts by itself, and what it does not want
   * now would be an old story when it is made anew. With the read model away delivery goes on, and lanes start to count
   * from nothing; it is asked again, and what it knows then is added to theirs.
   * @param healthOf the lane's, of a webhook that has one
   */
  load(healthOf: (webhookId: string) => WebhookHealth | undefined): Promise<void> {
    return this.#reading.ask(async () => {
      const running = await this.snapshot.running()
      const wanted = running.filter(({ webhookId }) => !healthOf(webhookId))
      this.#streaks = new Map(wanted.map(({ webhookId, streak }) => [webhookId, streak]))
      if (this.#isOwed) for (const { webhookId, streak } of running) healthOf(webhookId)?.recall(streak)
      this.#isOwed = false
    })
  }

  /** Counted at another URL, or before the webhook was disabled: no lane goes on with it. */
  forget(webhookId: string): void {
    this.#streaks.delete(webhookId)
  }

  /** From here on the lane counts. */
  take(webhookId: string): Streak | null {
    const streak = this.#streaks.get(webhookId) ?? null
    this.#streaks.delete(webhookId)
    return streak
  }
}
