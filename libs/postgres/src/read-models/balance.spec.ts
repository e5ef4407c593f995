import { describe, expect, it } from 'vitest'
import { type Balance, type BalanceEntry, emptyBalance, enterDelivery } from './balance.js'
import { aChainEnded, aDeferred, aFannedOut, aRedeliveryRequested, aRef, anAttempted } from './builders.testing.js'
import { type DeliveryState, merged, statesFrom } from './delivery-state.js'
import type { Fact } from '#domain'

/** Enters portions of facts one after the other, as a projector would that writes each alone. */
function balanceOf(...portions: Fact[][]): Partial<Balance> {
  const balance = emptyBalance()
  let known: DeliveryState | undefined
  for (const portion of portions) {
    const told = portion.flatMap(statesFrom)
    enterDelivery(balance, known, told)
    known = [...(known ? [known] : []), ...told].reduce(merged)
  }
  return Object.fromEntries(Object.entries(balance).filter(([, count]) => count > 0)) as Partial<Balance>
}

const delivered = anAttempted()
const failed = anAttempted({
  attemptId: 'atm_0',
  outcome: { kind: 'failed', reason: 'timeout' },
  next: { kind: 'retry', attempt: 2, notBefore: 0 },
})
const later = aRef({ chain: 1, trigger: 'redelivery' })
const requested = (chain: number) => aRedeliveryRequested({ delivery: { ...later, chain } })

describe('the balance', () => {
  it.each<[string, Fact[], Partial<Record<BalanceEntry, number>>]>([
    ['a delivery that waits', [aFannedOut(), failed, aDeferred()], { requested: 1 }],
    ['one that ended', [aFannedOut(), failed, delivered], { requested: 1, delivered: 1 }],
    ['an end that is known first', [delivered, failed, aFannedOut()], { requested: 1, delivered: 1 }],
    ['facts that are told again', [aFannedOut(), delivered, aFannedOut(), delivered], { requested: 1, delivered: 1 }],
    ['a redelivery', [delivered, aRedeliveryRequested()], { requested: 2, delivered: 1 }],
    ['one that replaced a running chain', [failed, aRedeliveryRequested()], { requested: 2, replaced: 1 }],
    [
      'one that ended itself',
      [aChainEnded(), aRedeliveryRequested(), anAttempted({ delivery: later })],
      { requested: 2, cancelled: 1, delivered: 1 },
    ],
    [
      'two redeliveries, one right after the other',
      [aFannedOut(), delivered, requested(1), requested(2)],
      { requested: 3, replaced: 1, delivered: 1 },
    ],
    ['an end that is corrected', [aChainEnded({ end: 'expired' }), delivered], { requested: 1, expired: 1 }],
  ])('enters %s, told at once or one by one', (_, facts, expected) => {
    expect(balanceOf(...facts.map((fact) => [fact]))).toEqual(expected)
    expect(balanceOf(facts)).toEqual(expected)
  })

  it('enters nothing for a late word of an earlier chain', () => {
    expect(balanceOf([aRedeliveryRequested()], [delivered])).toEqual({ requested: 1 })
  })

  it('enters the chains that one round tells of in their order', () => {
    expect(balanceOf([requested(2), delivered, requested(1)])).toEqual({ requested: 3, replaced: 1, delivered: 1 })
  })
})
