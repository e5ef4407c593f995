/** What led to a command: shown to the webhook's owner, so it names nothing internal. Times in ms since the epoch. */
export interface DisableEvidence {
  failures: number
  /** When the first failure of the streak was started. */
  since: number
  lastFailureAt: number
  /** The last failure in a sentence for the owner. */
  lastFailure: string
  lastStatus: number | null
  deliveryId: string
  eventId: string
}

/**
 * Imperative: the dispatcher asks the API, which owns the webhook, to disable it. It names the version that the
 * evidence is about: an owner who has just corrected the URL is not disabled for the old one.
 */
export interface DisableWebhook {
  kind: 'disable_webhook'
  webhookId: string
  accountId: string
  version: number
  /** `gone`: the receiver answered 410. `failing`: too many failures for too long. */
  reason: 'gone' | 'failing'
  at: number
  evidence: DisableEvidence
}

export type WebhookCommand = DisableWebhook
