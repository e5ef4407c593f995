import type { Attempted, ChainEnd, DeliveryRef, DeliveryStatus, EventType, Fact, FannedOut, Trigger } from '#domain'

/**
 * Where a delivery stands, as far as some facts tell. Times in ms since the epoch. All but the ids and `acceptedAt`
 * is about its latest chain.
 */
export interface DeliveryState {
  id: string
  eventId: string
  eventType: EventType
  accountId: string
  webhookId: string
  /** The earliest known: an event that came twice within a day is one delivery. */
  acceptedAt: number
  chain: number
  trigger: Trigger
  end: { kind: ChainEnd; at: number } | null
  /** What comes next, for as long as there is no end. */
  next: { attempt: number; notBefore: number }
  /** The greatest number among the attempts made. */
  attemptsMade: number
}

export function statusOf(state: Pick<DeliveryState, 'end'>): DeliveryStatus {
  return state.end?.kind ?? 'waiting'
}

/** What one fact alone says: of one delivery, or of all those that an event was fanned out to. */
export function statesFrom(fact: Fact): DeliveryState[] {
  switch (fact.kind) {
    case 'fanned_out':
      return fact.matched.map((match) => fannedOutTo(fact, match))
    case 'attempted':
      return [afterAttempt(fact)]
    case 'deferred':
      return [stateOf(fact.delivery, null, nextAt(fact.attempt, fact.notBefore), 0)]
    case 'chain_ended':
      return [stateOf(fact.delivery, endAt(fact.end, fact.at), NEXT_UNKNOWN, 0)]
    case 'redelivery_requested':
      return [stateOf(fact.delivery, null, nextAt(1, fact.at), 0)]
  }
}

/**
 * What two sets of facts about the same delivery say together. Facts come late, repeated and in any order, so this is
 * commutative, associative and idempotent: any order of the same facts gives the same row, and nothing un-ends a chain.
 */
export function merged(a: DeliveryState, b: DeliveryState): DeliveryState {
  const acceptedAt = Math.min(a.acceptedAt, b.acceptedAt)
  if (a.chain !== b.chain) return { ...(a.chain > b.chain ? a : b), acceptedAt }
  return {
    ...a,
    acceptedAt,
    // A replay and a slow fan-out may begin the same chain. Which of them is told matters little; always the same does.
    trigger: a.trigger < b.trigger ? a.trigger : b.trigger,
    end: mergedEnd(a.end, b.end),
    next: isLater(a.next, b.next) ? a.next : b.next,
    attemptsMade: Math.max(a.attemptsMade, b.attemptsMade),
  }
}

type End = DeliveryState['end']

/** `delivered` beats any other end of the chain, since the receiver has it; else the first stands. */
function mergedEnd(a: End, b: End): End {
  if (a === null || b === null) return a ?? b
  if ((a.kind === 'delivered') !== (b.kind === 'delivered')) return a.kind === 'delivered' ? a : b
  // Of two ends in the same millisecond either would do, as long as it is always the same one.
  if (a.at === b.at) return a.kind < b.kind ? a : b
  return a.at < b.at ? a : b
}

/** A deferral asks for the attempt that was asked for before, at a later time. */
function isLater(a: DeliveryState['next'], b: DeliveryState['next']): boolean {
  return a.attempt === b.attempt ? a.notBefore > b.notBefore : a.attempt > b.attempt
}

function fannedOutTo(fact: FannedOut, match: FannedOut['matched'][number]): DeliveryState {
  const { eventId, eventType, accountId, acceptedAt } = fact
  const { deliveryId, webhookId } = match
  const ref = { deliveryId, eventId, eventType, accountId, webhookId, acceptedAt, chain: 0, trigger: AUTOMATIC }
  return stateOf(ref, null, nextAt(1, acceptedAt), 0)
}

const AUTOMATIC = 'automatic' as const

function afterAttempt({ delivery, number, startedAt, durationMs, next }: Attempted): DeliveryState {
  if (next.kind === 'end') return stateOf(delivery, endAt(next.end, startedAt + durationMs), NEXT_UNKNOWN, number)
  return stateOf(delivery, null, nextAt(next.attempt, next.notBefore), number)
}

/** The least that there can be: any other fact of the chain says more. */
const NEXT_UNKNOWN: DeliveryState['next'] = { attempt: 1, notBefore: 0 }

// Whole milliseconds, as they are stored: a row that was read back must compare equal to the fact it came from.
function endAt(kind: ChainEnd, at: number): DeliveryState['end'] {
  return { kind, at: Math.round(at) }
}

function nextAt(attempt: number, notBefore: number): DeliveryState['next'] {
  return { attempt, notBefore: Math.round(notBefore) }
}

function stateOf(
  ref: DeliveryRef,
  end: DeliveryState['end'],
  next: DeliveryState['next'],
  attemptsMade: number,
): DeliveryState {
  return {
    id: ref.deliveryId,
    eventId: ref.eventId,
    eventType: ref.eventType,
    accountId: ref.accountId,
    webhookId: ref.webhookId,
    acceptedAt: ref.acceptedAt,
    chain: ref.chain,
    trigger: ref.trigger,
    end,
    next,
    attemptsMade,
  }
}
