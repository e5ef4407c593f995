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
    if (delivery.trigger === 'test') return null
    if (outcome.kind === 'succeeded') this.#lastSuccess = Math.max(this.#lastSuccess, startedAt)
    // A request that hung since before the last success says nothing about the time after it.
    else if (outcome.kind === 'failed' && startedAt < this.#lastSuccess) return null
    const streak = (this.streak = streakAfter(this.streak, outcome, startedAt))
    if (!streak || this.#command) return null
    const isGone = outcome.kind === 'refused'
    if (!isGone && !isDisableDue(streak, rule, now)) return null
    this.#command = {
      kind: 'disable_webhook',
      webhookId: webhook.id,
      accountId: webhook.accountId,
      version: webhook.version,
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
    return this.#command && webhook.version <= this.#command.version ? this.#command : null
  }

  /** A new URL, or a webhook that was enabled again, is a new beginning. */
  changed(before: DeliverableWebhook | undefined, after: DeliverableWebhook): void {
    if (this.#command && after.version > this.#command.version) this.#command = null
    if (!before || before.url !== after.url || before.isActive !== after.isActive) this.streak = null
  }
}
