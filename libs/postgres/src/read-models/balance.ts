import { type ChainEnd } from '#domain'
import type { DeliveryState } from './delivery-state.js'

/**
 * What happens to events and to chains of attempts, each once. Every accepted event is fanned out, and of the chains
 * that were requested each waits, was replaced by a later one, or has ended.
 */
export type BalanceEntry = 'accepted' | 'fanned_out' | 'requested' | 'replaced' | ChainEnd

export type Balance = Record<BalanceEntry, number>

export const emptyBalance = (): Balance => ({
  accepted: 0,
  fanned_out: 0,
  requested: 0,
  replaced: 0,
  delivered: 0,
  exhausted: 0,
  gone: 0,
  expired: 0,
  cancelled: 0,
})

/**
 * Enters what became known of a delivery: from what was known before, if anything, to what is known after. Facts that
 * are told again change nothing. An end that a later `delivered` corrects is entered as it was first told, since what
 * has been counted cannot be taken back.
 */
export function enterDelivery(balance: Balance, known: DeliveryState | undefined, after: DeliveryState): void {
  const isNewChain = known === undefined || after.chain > known.chain
  if (isNewChain) {
    balance.requested++
    if (known && !known.end) balance.replaced++
  }
  if (after.end && (isNewChain || !known.end)) balance[after.end.kind]++
}
