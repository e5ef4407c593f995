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
 * Enters what became known of a delivery, fact by fact: facts of several chains may be told at once. Those that are told
 * again change nothing. An end that a later `delivered` corrects is entered as it was first told, since what has been
 * counted cannot be taken back.
 *
 * @param told what each fact alone says, in the order in which they were told
 */
export function enterDelivery(balance: Balance, known: ChainStand | undefined, told: readonly ChainStand[]): void {
  let latest = known
  for (const fact of inOrderOfChain(told)) {
    if (!latest || fact.chain > latest.chain) {
      balance.requested++
      if (latest && !latest.end) balance.replaced++
    } else if (fact.chain < latest.chain || latest.end || !fact.end) continue
    if (fact.end) balance[fact.end.kind]++
    latest = fact
  }
}

type ChainStand = Pick<DeliveryState, 'chain' | 'end'>

function inOrderOfChain(told: readonly ChainStand[]): readonly ChainStand[] {
  return told.length === 1 ? told : told.toSorted((a, b) => a.chain - b.chain)
}
