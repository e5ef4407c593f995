import {
  type AttemptOutcome,
  type DeliverableWebhook,
  type Delivery,
  type DisableRule,
  type DisableWebhook,
  type Streak,
  isDisableDue,
  sentenceFor,
  streakAfter,
} from '#domain'

/** A command that the API has not applied yet is repeated this often, ms. */
export const REPEAT_COMMAND_EVERY_MS = 30_000

/**
 * A webhook's streak, and from the moment that it led to it the command to disable the webhook. From then on the
 * lane is silent until the view shows a newer version: the API's answer, whichever it is.
 */
export class WebhookHealth {
  #command: DisableWebhook | null = null
  /** When the latest request that succeeded was started, ms since the epoch. */
  #lastSuccess = -Infinity
  /** Of the webhook, as far as it is known here. */
  #newestVersion = 0
  /** The version with which the streak began anew: an attempt that began with an older one says nothing about it. */
  #beganWith = 0

  constructor(private streak: Streak | null) {}

  get isFailing(): boolean {
    return this.streak !== null
  }

  /** @returns the command that this attempt led to, to be written with its other consequences */
  attempted(
    delivery: Delivery,
    webhook: DeliverableWebhook,
    outcome: AttemptOutcome,
    startedAt: number,
    rule: DisableRule,
    now: number,
  ): DisableWebhook | null {
    if (delivery.trigger === 'test' || webhook.version < this.#beganWith) return null
    this.#newestVersion = Math.max(this.#newestVersion, webhook.version)
    if (outcome.kind === 'succeeded') this.#lastSuccess = Math.max(this.#lastSuccess, startedAt)
    // A request that hung since before the last success says nothing about the time after it.
    else if (outcome.kind === 'failed' && startedAt < this.#lastSuccess) return null
    const streak = (this.streak = streakAfter(this.streak, outcome, startedAt))
    if (!streak || this.#unansweredAt(this.#newestVersion)) return null
    const isGone = outcome.kind === 'refused'
    if (!isGone && !isDisableDue(streak, rule, now)) return null
    this.#command = {
      kind: 'disable_webhook',
      webhookId: webhook.id,
      accountId: webhook.accountId,
      // Not the attempt's own: the API does nothing about a webhook that was changed since.
      version: this.#newestVersion,
      reason: isGone ? 'gone' : 'failing',
      at: now,
      evidence: {
        ...streak,
        lastFailure: sentenceFor(outcome),
        lastStatus: outcome.status ?? null,
        deliveryId: delivery.id,
        eventId: delivery.eventId,
      },
    }
    return this.#command
  }

  /** The command that is not answered yet; null once the view knows a newer version than it was about. */
  unanswered(webhook: DeliverableWebhook): DisableWebhook | null {
    return this.#unansweredAt(webhook.version)
  }

  /** What other processes had counted, told late: not after a success that they cannot know of. */
  recall(known: Streak): void {
    if (known.lastFailureAt < this.#lastSuccess) return
    const own = this.streak ?? known
    this.streak = {
      failures: Math.max(own.failures, known.failures),
      since: Math.min(own.since, known.since),
      lastFailureAt: Math.max(own.lastFailureAt, known.lastFailureAt),
    }
  }

  changed(before: DeliverableWebhook | undefined, after: DeliverableWebhook): void {
    this.#newestVersion = Math.max(this.#newestVersion, after.version)
    if (this.#command && after.version > this.#command.version) this.#command = null
    if (!isNewBeginning(before, after)) return
    this.streak = null
    this.#beganWith = after.version
  }

  #unansweredAt(version: number): DisableWebhook | null {
    return this.#command && version <= this.#command.version ? this.#command : null
  }
}

/** A new URL, or a webhook that was enabled again: what failed before says nothing of it. */
export function isNewBeginning(before: DeliverableWebhook | undefined, after: DeliverableWebhook): boolean {
  return before?.url !== after.url || before.isActive !== after.isActive
}
