import type { EventType } from './event-type.js'

/** Why attempts are made at all. */
export type Trigger = 'automatic' | 'test' | 'redelivery' | 'replay'

/** How a chain of attempts can end; each chain ends exactly once. */
export type ChainEnd = 'delivered' | 'exhausted' | 'gone' | 'expired' | 'cancelled'

export type DeliveryStatus = 'waiting' | ChainEnd

export const deliveryStatuses: DeliveryStatus[] = ['waiting', 'delivered', 'exhausted', 'gone', 'expired', 'cancelled']

/** One event for one webhook, as it travels through the delivery topics. */
export interface Delivery {
  id: string
  eventId: string
  eventType: EventType
  accountId: string
  webhookId: string
  /** The webhook's version that was matched; no attempt is made with an older one. */
  webhookVersion: number
  trigger: Trigger
  /** 0 for the automatic chain; each redelivery starts the next. */
  chain: number
  /** The number of the attempt that this record asks for, from 1. */
  attempt: number
  /** When the event was accepted, ms since the epoch. The read models are partitioned by it. */
  acceptedAt: number
  /** Earliest time of that attempt, ms since the epoch; null: at once. */
  notBefore: number | null
  /** The chain's first attempt or first deferral, ms since the epoch; null before either. */
  chainStartedAt: number | null
  /** Whether this record was put off without an attempt; back from its wait it goes ahead of newer ones. */
  isDeferred: boolean
  /** The delivery's first deferral in this chain, ms since the epoch; null while there was none. */
  deferredSince: number | null
  /** Exactly the bytes that the API accepted; every attempt sends these. */
  body: Buffer
  /** W3C trace context that its attempts follow from, where there is one: of the request that asked for it, or of what we traced since. */
  traceparent?: string
}

/** Where every chain begins, whoever starts it: at its first attempt, with nothing waited for yet. */
export const CHAIN_BEGINNING = {
  attempt: 1,
  notBefore: null,
  chainStartedAt: null,
  isDeferred: false,
  deferredSince: null,
} as const satisfies Partial<Delivery>

/** Names one attempt of one chain: two records with the same key ask for the same attempt, and one of them is a repeat. */
export function attemptKey(delivery: Pick<Delivery, 'id' | 'chain' | 'attempt'>): string {
  return `${delivery.id}/${delivery.chain}/${delivery.attempt}`
}
