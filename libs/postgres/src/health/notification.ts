import type { DisabledReason } from '#domain'

export type NotificationKind = 'failing' | 'disabled' | 'enabled'

/** What the owner is told, as it was when it happened. Times in ms since the epoch. */
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

/** A notification that this process is to send now. */
export interface ClaimedNotification {
  id: string
  kind: NotificationKind
  accountId: string
  webhookId: string
  evidence: NotificationEvidence
  createdAt: Date
  /** With the one that is due now. */
  attempts: number
  /** The owner's address. */
  email: string
  /** Of a deleted webhook nobody needs to hear. */
  webhookExists: boolean
}
