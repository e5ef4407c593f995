import { Injectable } from '@nestjs/common'
import type { Streak } from '#domain'

/** Streaks that other processes counted before this one took their webhooks over, until their lanes want them. */
@Injectable()
export class KnownStreaks {
  readonly #streaks = new Map<string, Streak>()

  learn(webhookId: string, streak: Streak): void {
    this.#streaks.set(webhookId, streak)
  }

  /** From here on the lane counts. */
  take(webhookId: string): Streak | null {
    const streak = this.#streaks.get(webhookId) ?? null
    this.#streaks.delete(webhookId)
    return streak
  }
}
