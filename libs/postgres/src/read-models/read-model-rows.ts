import type { AttemptOutcome, EventType, FailureReason, Trigger, UnmatchedReason } from '#domain'
import type { DeliveryState } from './delivery-state.js'

/** An event as it was accepted; `body` is the text that is delivered. Times in ms since the epoch, here and below. */
export interface EventRow {
  accountId: string
  id: string
  type: EventType
  acceptedAt: number
  body: string
}

/** Where an event went and why not elsewhere. */
export interface FanOutRow {
  accountId: string
  eventId: string
  acceptedAt: number
  decidedAt: number
  matches: Matches
}

export interface Matches {
  /** Webhooks; the delivery's id derives from event and webhook. */
  matched: string[]
  unmatched: { webhookId: string; reason: UnmatchedReason }[]
}

/** One HTTP request of a delivery, with what was sent and what came back. */
export interface AttemptRow {
  id: string
  deliveryId: string
  acceptedAt: number
  chain: number
  number: number
  trigger: Trigger
  startedAt: number
  durationMs: number
  outcome: AttemptOutcome['kind']
  /** Set where it failed or was refused. */
  reason: FailureReason | 'gone' | null
  request: { url: string; headers: Record<string, string> }
  /** Null where no answer came. The body is its first 4 KiB, as text. */
  response: { status: number; headers: Record<string, string>; body: string } | null
}

/** An attempt as the log tells of it: what was sent to which webhook is for the webhook's health and not stored with it. */
export interface AttemptedRow extends AttemptRow {
  webhookId: string
  eventType: EventType
}

/** What some records of the log say, for all read models at once. Repeats and any order are welcome. */
export interface ReadModelRows {
  events: EventRow[]
  fanOuts: FanOutRow[]
  deliveries: DeliveryState[]
  attempts: AttemptedRow[]
}

export type ReadModelTable = 'events' | 'fan_outs' | 'deliveries' | 'attempts'

export const READ_MODEL_TABLES: readonly ReadModelTable[] = ['events', 'fan_outs', 'deliveries', 'attempts']
