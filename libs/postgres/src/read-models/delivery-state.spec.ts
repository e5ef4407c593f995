import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ChainEnd, Fact, Trigger } from '#domain'
import {
  NOON,
  aChainEnded,
  aDeferred,
  aFannedOut,
  aRedeliveryRequested,
  aRef,
  anAttempted,
} from './builders.testing.js'
import { type DeliveryState, merged, statesFrom, statusOf } from './delivery-state.js'

function fold(...facts: Fact[]): DeliveryState {
  return facts.flatMap(statesFrom).reduce(merged)
}

describe('the state of a delivery', () => {
  it('waits for its first attempt once it is fanned out', () => {
    const state = fold(aFannedOut())

    expect(statusOf(state)).toBe('waiting')
    expect(state.next).toEqual({ attempt: 1, notBefore: NOON })
    expect(state.attemptsMade).toBe(0)
  })

  it('has one state for each webhook that an event was fanned out to', () => {
    const matched = ['1', '2', '3'].map((n) => ({ webhookId: `whk_${n}`, deliveryId: `dlv_${n}` }))

    expect(statesFrom(aFannedOut({ matched })).map((state) => [state.id, state.webhookId])).toEqual([
      ['dlv_1', 'whk_1'],
      ['dlv_2', 'whk_2'],
      ['dlv_3', 'whk_3'],
    ])
  })

  it('names the next attempt and its time after one that failed', () => {
    const failed = anAttempted({
      outcome: { kind: 'failed', reason: 'timeout' },
      next: { kind: 'retry', attempt: 2, notBefore: NOON + 10_000 },
    })

    const state = fold(aFannedOut(), failed)

    expect(statusOf(state)).toBe('waiting')
    expect(state.next).toEqual({ attempt: 2, notBefore: NOON + 10_000 })
    expect(state.attemptsMade).toBe(1)
  })

  it('waits longer when it was put off, for the same attempt', () => {
    const state = fold(aDeferred({ notBefore: NOON + 60_000 }), aDeferred({ notBefore: NOON + 10_000 }))

    expect(state.next).toEqual({ attempt: 1, notBefore: NOON + 60_000 })
  })

  it('stays delivered whatever else is said about the same chain', () => {
    const state = fold(aChainEnded({ at: NOON, end: 'expired' }), anAttempted(), aChainEnded({ at: NOON + 90 }))

    expect(state.end).toEqual({ kind: 'delivered', at: NOON + 30 })
  })

  it('keeps the first of two ends that are not delivered', () => {
    const state = fold(aChainEnded({ at: NOON + 2, end: 'expired' }), aChainEnded({ at: NOON + 1, end: 'cancelled' }))

    expect(state.end).toEqual({ kind: 'cancelled', at: NOON + 1 })
  })

  it('is reopened by a later chain only', () => {
    const again = aRedeliveryRequested()
    const lateRetry = anAttempted({ next: { kind: 'retry', attempt: 6, notBefore: NOON + 1 } })

    expect(statusOf(fold(anAttempted(), lateRetry))).toBe('delivered')
    expect(fold(anAttempted(), again)).toMatchObject({ chain: 1, trigger: 'redelivery', end: null, attemptsMade: 0 })
    expect(fold(again, aChainEnded())).toMatchObject({ chain: 1, end: null })
  })

  it('is one delivery when its event was accepted twice, as of the first time', () => {
    const state = fold(aFannedOut({ acceptedAt: NOON + 900_000 }), aFannedOut({ acceptedAt: NOON }))

    expect(state.acceptedAt).toBe(NOON)
  })
})

const ends: ChainEnd[] = ['delivered', 'exhausted', 'gone', 'expired', 'cancelled']
const triggers: Trigger[] = ['automatic', 'redelivery', 'replay']

/** Facts of one delivery with everything in them that can differ, drawn from few values so that they collide. */
const anyFact: fc.Arbitrary<Fact> = fc
  .record({
    kind: fc.constantFrom('fanned_out', 'retried', 'ended', 'deferred', 'chain_ended', 'redelivery_requested'),
    chain: fc.integer({ min: 0, max: 2 }),
    number: fc.integer({ min: 1, max: 3 }),
    at: fc.integer({ min: 0, max: 3 }).map((n) => NOON + n),
    acceptedAt: fc.integer({ min: 0, max: 1 }).map((n) => NOON + n),
    end: fc.constantFrom(...ends),
    // Where fan-out is slow, a replay begins the chain that fan-out then begins, too.
    isReplay: fc.boolean(),
  })
  .map(({ kind, chain, number, at, acceptedAt, end, isReplay }) => {
    const trigger = isReplay ? 'replay' : triggers[chain]!
    const delivery = aRef({ chain, trigger, acceptedAt })
    if (kind === 'fanned_out') return aFannedOut({ acceptedAt, at })
    if (kind === 'ended') return anAttempted({ delivery, number, startedAt: at, next: { kind: 'end', end } })
    if (kind === 'deferred') return aDeferred({ delivery, at, attempt: number, notBefore: at })
    if (kind === 'chain_ended') return aChainEnded({ delivery, at, end })
    if (kind === 'redelivery_requested') return aRedeliveryRequested({ delivery, at })
    const next = { kind: 'retry' as const, attempt: number + 1, notBefore: at }
    return anAttempted({ delivery, number, startedAt: at, next })
  })

const someFacts = fc.array(anyFact, { minLength: 1, maxLength: 8 })

describe('any order and repetition of the same facts', () => {
  it('gives the same state', () => {
    const shuffledWithRepeats = someFacts.chain((facts) =>
      fc.tuple(
        fc.constant(facts),
        fc
          .tuple(fc.shuffledSubarray(facts, { minLength: facts.length }), fc.array(fc.constantFrom(...facts)))
          .map(([all, repeats]) => [...repeats, ...all]),
      ),
    )
    fc.assert(
      fc.property(shuffledWithRepeats, ([facts, again]) => {
        expect(fold(...again)).toEqual(fold(...facts))
      }),
      { numRuns: 1_000 },
    )
  })

  it('gives the same state however the facts are portioned', () => {
    fc.assert(
      fc.property(someFacts, someFacts, someFacts, (a, b, c) => {
        const whole = fold(...a, ...b, ...c)
        expect(merged(fold(...a), merged(fold(...b), fold(...c)))).toEqual(whole)
        expect(merged(whole, fold(...b))).toEqual(whole)
      }),
      { numRuns: 500 },
    )
  })

  it('never un-ends a chain', () => {
    fc.assert(
      fc.property(someFacts, anyFact, (facts, more) => {
        const before = fold(...facts)
        const after = merged(before, fold(more))
        if (after.chain === before.chain && before.end !== null) expect(after.end).not.toBeNull()
        if (after.chain === before.chain && before.end?.kind === 'delivered') expect(after.end?.kind).toBe('delivered')
        expect(after.chain).toBeGreaterThanOrEqual(before.chain)
      }),
      { numRuns: 500 },
    )
  })
})
