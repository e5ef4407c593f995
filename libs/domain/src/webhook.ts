import type { EventType } from './event-type.js'

export type WebhookState = 'active' | 'failing' | 'disabled'

/** `owner` by PATCH, `gone` by a receiver's 410, `failing` by the rule of many failures over a long time. */
export type DisabledReason = 'owner' | 'gone' | 'failing'

/** What fan-out knows of a webhook: everything that decides a match, and no secret. */
export interface SubscribedWebhook {
  id: string
  accountId: string
  /** Grows by one with each change of the configuration; a delivery record carries the version it was matched with. */
  version: number
  events: EventType[]
  isActive: boolean
  /** Ms since the epoch. */
  createdAt: number
}

/** What the dispatcher knows of a webhook: enough to sign and to send. Secrets newest first, sealed until needed. */
export interface DeliverableWebhook extends SubscribedWebhook {
  url: string
  secrets: SealedSecret[]
}

/** At most two are valid at a time: the newest, and during an overlap its predecessor. */
export interface SealedSecret {
  sealed: string
  /** Ms since the epoch; null for the newest, which does not expire. */
  expiresAt: number | null
}

export const MAX_WEBHOOKS_PER_ACCOUNT = 100
export const MAX_URL_LENGTH = 2_048
