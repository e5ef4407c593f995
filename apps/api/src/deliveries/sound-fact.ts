import { type ChainEnd, type DeliveryRef, type Fact, type Trigger, deliveryStatuses, isEventType } from '#domain'
import { UndecodableRecord } from '#topics'

/**
 * Whether a fact can be stored as it claims to be. Only our own code writes facts, but one unsound fact that got
 * through would fail its whole batch in Postgres, again and again, and hold up its partition for ever.
 *
 * @throws {UndecodableRecord} that names what is wrong
 */
export function assertSound(fact: Fact): void {
  if (fact.kind === 'fanned_out') return assertSoundFanOut(fact)
  assertSoundRef(fact.delivery)
  switch (fact.kind) {
    case 'attempted':
      return assertSoundAttempt(fact)
    case 'deferred':
      number(fact.attempt, 'attempt')
      return time(fact.notBefore, 'notBefore')
    case 'chain_ended':
      time(fact.at, 'at')
      return chainEnd(fact.end)
    case 'redelivery_requested':
      return time(fact.at, 'at')
  }
}

function assertSoundFanOut(fact: Extract<Fact, { kind: 'fanned_out' }>): void {
  identifier(fact.eventId, 'eventId')
  identifier(fact.accountId, 'accountId')
  eventType(fact.eventType)
  acceptedAt(fact.acceptedAt)
  time(fact.at, 'at')
  check(Array.isArray(fact.matched) && Array.isArray(fact.unmatched), 'matched and unmatched are lists')
  for (const { webhookId, deliveryId } of fact.matched) {
    identifier(webhookId, 'webhookId')
    identifier(deliveryId, 'deliveryId')
  }
  for (const { webhookId, reason } of fact.unmatched) {
    identifier(webhookId, 'webhookId')
    identifier(reason, 'reason')
  }
}

function assertSoundAttempt(fact: Extract<Fact, { kind: 'attempted' }>): void {
  identifier(fact.attemptId, 'attemptId')
  number(fact.number, 'number')
  time(fact.startedAt, 'startedAt')
  check(fact.durationMs >= 0 && fact.durationMs <= MAX_INTEGER, 'durationMs is a number of ms')
  check(OUTCOMES.includes(fact.outcome?.kind), 'outcome is one of the outcomes')
  if (fact.outcome.kind !== 'succeeded') identifier(fact.outcome.reason, 'reason')
  check(Boolean(fact.request?.url) && typeof fact.request.url === 'string', 'request has a URL')
  check(isObject(fact.request.headers), 'request has headers')
  if (fact.response !== null) {
    number(fact.response?.status, 'status')
    check(typeof fact.response.body === 'string' && isObject(fact.response.headers), 'response has headers and a body')
  }
  if (fact.next?.kind === 'end') return chainEnd(fact.next.end)
  check(fact.next?.kind === 'retry', 'next is an end or a retry')
  number(fact.next.attempt, 'next attempt')
  time(fact.next.notBefore, 'notBefore')
}

function assertSoundRef(ref: DeliveryRef): void {
  check(isObject(ref), 'delivery is an object')
  identifier(ref.deliveryId, 'deliveryId')
  identifier(ref.eventId, 'eventId')
  identifier(ref.accountId, 'accountId')
  identifier(ref.webhookId, 'webhookId')
  eventType(ref.eventType)
  check(TRIGGERS.includes(ref.trigger), 'trigger is one of the triggers')
  number(ref.chain, 'chain')
  acceptedAt(ref.acceptedAt)
}

const TRIGGERS: Trigger[] = ['automatic', 'test', 'redelivery', 'replay']
const OUTCOMES = ['succeeded', 'failed', 'refused']

/** The largest value of a Postgres integer. */
const MAX_INTEGER = 2_147_483_647
/** In 9999, where four digits of a year end. Ms. */
const MAX_TIME = 253_402_300_799_999

/** An id, whoever gave it: short, and without control characters, which Postgres or our way to it cannot take. */
function identifier(value: unknown, name: string): void {
  check(isIdentifier(value), `${name} is an id`)
}

export function isIdentifier(value: unknown): boolean {
  return typeof value === 'string' && value.length > 0 && value.length <= 200 && !/\p{Cc}/u.test(value)
}

function number(value: unknown, name: string): void {
  check(Number.isInteger(value) && (value as number) >= 0 && (value as number) <= MAX_INTEGER, `${name} is a number`)
}

function time(value: unknown, name: string): void {
  check(typeof value === 'number' && value >= 0 && value <= MAX_TIME, `${name} is a time`)
}

/** It chooses the partition and is part of keys: whole ms only. */
function acceptedAt(value: unknown): void {
  time(value, 'acceptedAt')
  check(Number.isInteger(value), 'acceptedAt is in whole ms')
}

function eventType(value: unknown): void {
  check(typeof value === 'string' && isEventType(value), 'eventType is one of the event types')
}

function chainEnd(value: ChainEnd): void {
  check(value !== ('waiting' as never) && deliveryStatuses.includes(value), 'end is one of the ends')
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

function check(isTrue: boolean, expectation: string): void {
  if (!isTrue) throw new UndecodableRecord(`unsound fact: not true that ${expectation}`)
}
