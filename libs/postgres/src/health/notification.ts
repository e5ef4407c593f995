import type { DisabledReason, NotableChange } from '#domain'

/** What is told, as it was when it happened. Times in ms since the epoch. */
export interface NotificationEvidence {
  webhook: { name: string; url: string }
  /** Why the webhook is, or was, disabled; null while it is only failing. */
  reason: DisabledReason | null
  streak: NotifiedStreak | null
}

export interface NotifiedStreak {
  failures: number
  since: number
  lastFailureAt: number
  /** The last failure in a sentence. */
  lastFailure: string
}

export interface Notification {
  id: string
  kind: NotableChange
  accountId: string
  webhookId: string
  evidence: NotificationEvidence
  createdAt: Date
}

/** A notification that this process is to send by mail now. */
export interface ClaimedNotification extends Notification {
  /** With the one that is due now. */
  attempts: number
  /** The owner's address. */
  email: string
  /** The account had its mails of the hour with it: the next news may go without. */
  isLastForNow: boolean
  /** Of a deleted webhook nobody needs to hear. */
  webhookExists: boolean
}
