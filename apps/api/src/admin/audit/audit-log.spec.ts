import { describe, expect, it } from 'vitest'
import { FAN_OUT_PATIENCE_MS, type Fact, type FannedOut, USUAL_PATIENCE_MS, patienceFor } from '#domain'
import { aDeliveryRef, anAttempted } from '../../../../../libs/domain/src/builders.testing.js'
import { auditLog, repeatedEnds, untouched } from './audit-log.js'
import { LogLedger } from './log-ledger.js'

const NOON = Date.parse('2024-01-15T12:00:00Z')
const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
const patience = patienceFor(DAY_MS)

const ref = aDeliveryRef({ acceptedAt: NOON })
const { accountId, eventId, deliveryId, webhookId, eventType } = ref
const fannedOut: FannedOut = {
  kind: 'fanned_out',
  eventId,
  eventType,
  accountId,
  acceptedAt: NOON,
  at: NOON,
  matched: [{ webhookId, deliveryId }],
  unmatched: [],
}
const failed = anAttempted({
  delivery: ref,
  startedAt: NOON,
  outcome: { kind: 'failed', reason: 'timeout' },
  next: { kind: 'retry', attempt: 2, notBefore: NOON + HOUR_MS },
})
const deferred: Fact = { kind: 'deferred', delivery: ref, at: NOON, attempt: 2, notBefore: NOON + 2 * HOUR_MS }
const requested: Fact = {
  kind: 'redelivery_requested',
  delivery: { ...ref, chain: 1, trigger: 'redelivery' },
  at: NOON,
}
const replayed: Fact = { kind: 'redelivery_requested', delivery: { ...ref, chain: 1, trigger: 'replay' }, at: NOON }
const cancelled: Fact = { kind: 'chain_ended', delivery: ref, at: NOON, end: 'cancelled' }
const delivered = anAttempted({ delivery: ref, startedAt: NOON, attemptId: 'atm_2', number: 2 })

function ledgerOf(facts: Fact[]): LogLedger {
  const ledger = new LogLedger()
  for (const fact of facts) ledger.fact(fact)
  return ledger
}

function findings(facts: Fact[], asOf: number, time = { since: NOON, until: NOON + 1 }, before: Fact[] = []): string[] {
  const ledger = ledgerOf(facts)
  ledger.event({ accountId, id: eventId, acceptedAt: NOON })
  return auditLog(ledger, { ...time, asOf }, patience, ledgerOf(before)).map(({ kind }) => kind)
}

describe('the log held against itself', () => {
  it('lacks the fan-out of an event a minute after', () => {
    expect(findings([], NOON + FAN_OUT_PATIENCE_MS)).toEqual([])
    expect(findings([], NOON + FAN_OUT_PATIENCE_MS + 1)).toEqual(['event_not_fanned_out'])
  })

  it.each<[string, Fact[], number, string[]]>([
    ['a first attempt', [fannedOut], NOON + USUAL_PATIENCE_MS, ['delivery_never_attempted']],
    ['a retry', [fannedOut, failed], NOON + HOUR_MS + USUAL_PATIENCE_MS, ['chain_without_end']],
    [
      'a retry that was put off',
      [fannedOut, failed, deferred],
      NOON + 2 * HOUR_MS + USUAL_PATIENCE_MS,
      ['chain_without_end'],
    ],
    ['a redelivery', [fannedOut, delivered, requested], NOON + USUAL_PATIENCE_MS, ['chain_without_end']],
    ['a replay', [fannedOut, delivered, replayed], NOON + DAY_MS, ['chain_without_end']],
    [
      'a chain that was replaced',
      [fannedOut, failed, requested, cancelledLater()],
      NOON + HOUR_MS + USUAL_PATIENCE_MS,
      ['chain_without_end'],
    ],
  ])('lacks %s only after its deadline, whatever the order of the facts', (_, facts, deadline, expected) => {
    expect(findings(facts, deadline)).toEqual([])
    expect(findings(facts, deadline + 1)).toEqual(expected)
    expect(findings(facts.toReversed(), deadline)).toEqual([])
    expect(findings(facts.toReversed(), deadline + 1)).toEqual(expected)
  })

  it('is complete where every chain has ended', () => {
    expect(findings([fannedOut, failed, delivered], NOON + DAY_MS)).toEqual([])
    expect(findings([fannedOut, failed, cancelled], NOON + DAY_MS)).toEqual([])
  })

  it('says nothing about what was accepted at another time', () => {
    expect(findings([fannedOut], NOON + DAY_MS, { since: NOON + 1, until: NOON + 2 })).toEqual([])
    expect(findings([], NOON + DAY_MS, { since: NOON - 1, until: NOON })).toEqual([])
  })

  const acceptedBefore = (fact: Extract<Fact, { delivery: object }>, ms: number): Fact => ({
    ...fact,
    delivery: { ...fact.delivery, acceptedAt: NOON - ms },
  })
  const again: Fact = { ...fannedOut, acceptedAt: NOON + HOUR_MS }

  it.each<[string, Fact[], Fact[], string[]]>([
    ['was delivered', [fannedOut], [acceptedBefore(delivered, 3 * HOUR_MS)], []],
    ['was cancelled', [fannedOut], [acceptedBefore(cancelled, 3 * HOUR_MS)], []],
    ['was attempted', [fannedOut], [acceptedBefore(failed, 3 * HOUR_MS)], []],
    ['was delivered, when it comes every hour', [fannedOut, again], [acceptedBefore(delivered, HOUR_MS)], []],
    ['was put off', [fannedOut], [acceptedBefore({ ...deferred, attempt: 1 }, HOUR_MS)], ['delivery_never_attempted']],
    ['was redelivered', [fannedOut], [acceptedBefore(replayed, HOUR_MS)], ['delivery_never_attempted']],
    ['is of another day', [fannedOut], [acceptedBefore(delivered, DAY_MS + 1)], ['delivery_never_attempted']],
    ['was delivered, and failed now', [fannedOut, failed], [acceptedBefore(delivered, HOUR_MS)], ['chain_without_end']],
  ])('takes a delivery for a double where its event had come before and %s', (_, facts, before, expected) => {
    expect(findings(facts, NOON + 2 * DAY_MS, undefined, before)).toEqual(expected)
  })

  it('tells which deliveries that is worth to be asked of', () => {
    const asked = (facts: Fact[], asOf: number) => [
      ...untouched(ledgerOf(facts), { since: NOON, until: NOON + 1, asOf }, patience),
    ]
    const late = NOON + 2 * DAY_MS
    expect(asked([fannedOut], late)).toEqual([deliveryId])
    expect(asked([fannedOut, again], late)).toEqual([deliveryId])
    expect(asked([fannedOut], NOON)).toEqual([])
    for (const more of [failed, delivered, cancelled]) expect(asked([fannedOut, more], late)).toEqual([])
    expect(asked([fannedOut, delivered, requested], late)).toEqual([])
  })

  it('knows of an end that was told more than once', () => {
    const ledger = ledgerOf([fannedOut, delivered, cancelled])

    expect(repeatedEnds(ledger, { since: NOON, until: NOON + 1, asOf: NOON })).toBe(1)
  })
})

/** Of the later chain: the one that it replaced is still without an end. */
function cancelledLater(): Fact {
  return { kind: 'chain_ended', delivery: { ...ref, chain: 1, trigger: 'redelivery' }, at: NOON, end: 'cancelled' }
}
