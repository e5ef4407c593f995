import { Inject, Injectable } from '@nestjs/common'
import type { Streak } from '#domain'
import { StreakSnapshot } from '#postgres'
import { LOGGER, type Logger } from '#telemetry'
import { AskedAgain } from './asked-again.js'
import { inTime } from './in-time.js'
import type { WebhookHealth } from '../webhooks/webhook-health.js'

/** All partitions wait for an answer that lanes can be told later as well. Ms. */
const LONGEST_WAIT_MS = 1_000

/** Streaks that other processes counted before this one took their webhooks over, until their lanes want them. */
@Injectable()
export class KnownStreaks {
  #streaks = new Map<string, Streak>()
  readonly #reading: AskedAgain
  /** Lanes began to count from nothing since the read model could not be asked, or has not answered in time. */
  #isOwed = false
  #loads = 0
  /** The latest load that has its answer. */
  #answered = 0

  constructor(
    private readonly snapshot: StreakSnapshot,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {
    this.#reading = new AskedAgain((error) => this.#owe(error))
  }

  /**
   * Reads what the read model knows, but for webhooks that have a lane: that counts by itself, and what it does not want
   * now would be an old story when it is made anew. With the read model away, or silent for a second, delivery goes on,
   * and lanes start to count from nothing; it is asked again after a failure, and what it knows then is added to theirs.
   * @param healthOf the lane's, of a webhook that has one
   */
  async load(healthOf: (webhookId: string) => WebhookHealth | undefined): Promise<void> {
    const load = ++this.#loads
    const reading = this.#reading.ask(async () => {
      const running = await this.snapshot.running()
      // What a later takeover was answered is newer.
      if (load < this.#answered) return
      this.#answered = load
      const wanted = running.filter(({ webhookId }) => !healthOf(webhookId))
      this.#streaks = new Map(wanted.map(({ webhookId, streak }) => [webhookId, streak]))
      if (this.#isOwed) for (const { webhookId, streak } of running) healthOf(webhookId)?.recall(streak)
      // A later takeover may have more to tell to the same lanes.
      if (load === this.#loads) this.#isOwed = false
    })
    const isOver = await inTime(
      reading.then(() => true),
      LONGEST_WAIT_MS,
    )
    if (!isOver && load > this.#answered) this.#owe(new Error('no answer in time'))
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

  #owe(error: unknown): void {
    if (!this.#isOwed) this.logger.warn({ err: error }, 'running streaks could not be read: lanes start to count anew')
    this.#isOwed = true
    // Of an earlier takeover: other processes counted on since then.
    this.#streaks.clear()
  }
}
