import type { AttemptOutcome } from './attempt.js'
import type { ChainEnd, Trigger } from './delivery.js'
import type { EventType } from './event-type.js'
import type { UnmatchedReason } from './matching.js'

/** What every fact about a delivery names, so that the projector can write its row without looking anything up. */
export interface DeliveryRef {
  deliveryId: string
  eventId: string
  eventType: EventType
  accountId: string
  webhookId: string
  trigger: Trigger
  chain: number
  /** When the event was accepted, ms since the epoch. */
  acceptedAt: number
}

/** Fan-out's account of one event: where it went, and why not elsewhere. */
export interface FannedOut {
  kind: 'fanned_out'
  eventId: string
  eventType: EventType
  accountId: string
  acceptedAt: number
  /** When this was decided, ms since the epoch. */
  at: number
  matched: { webhookId: string; deliveryId: string }[]
  unmatched: { webhookId: string; reason: UnmatchedReason }[]
}

/** What the receiver answered, cut for the log; absent when there was no answer. */
export interface ResponseExcerpt {
  status: number
  headers: Record<string, string>
  /** The first 4 KiB, as text. */
  body: string
}

/**
 * One HTTP request was made. What follows is part of the fact: an attempt and the end that it brought cannot be
 * torn apart by a crash.
 */
export interface Attempted {
  kind: 'attempted'
  delivery: DeliveryRef
  attemptId: string
  number: number
  /** Ms since the epoch. */
  startedAt: number
  durationMs: number
  outcome: AttemptOutcome
  request: { url: string; headers: Record<string, string> }
  response: ResponseExcerpt | null
  next: { kind: 'end'; end: ChainEnd } | { kind: 'retry'; attempt: number; notBefore: number }
}

/** A delivery was put off without an attempt and without losing one. */
export interface Deferred {
  kind: 'deferred'
  delivery: DeliveryRef
  at: number
  attempt: number
  notBefore: number
}

/** A chain ended without an attempt: its webhook is gone or disabled, or its time was up. */
export interface ChainEnded {
  kind: 'chain_ended'
  delivery: DeliveryRef
  at: number
  end: ChainEnd
}

export interface RedeliveryRequested {
  kind: 'redelivery_requested'
  delivery: DeliveryRef
  at: number
}

/** Past tense: what happened, in the delivery log for everyone to read, changed by nobody. */
export type Fact = FannedOut | Attempted | Deferred | ChainEnded | RedeliveryRequested
