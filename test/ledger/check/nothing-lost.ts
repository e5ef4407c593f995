import type { Ledger } from '../ledger.js'
import { type Chain, endOf, isAccepted, nameOf } from './chains.js'
import type { Violation } from './violation.js'

/** Every accepted event reached every webhook that wanted it, or its chain ended in line with what was answered. */
export function nothingLost(chains: Chain[]): Violation[] {
  return chains.filter(isUnfinished).map((chain) => ({
    rule: 'nothing lost',
    subject: nameOf(chain),
    detail: `${chain.requests.length} requests, no end${isAccepted(chain.event) ? '' : '; of a half-delivered event that was never accepted'}`,
  }))
}

function isUnfinished(chain: Chain): boolean {
  return endOf(chain) === null && !wasDisabledMeanwhile(chain)
}

/** Of a webhook that answered 410: what was under way is cancelled, and what came later is not sent at all. */
export function wasDisabledMeanwhile({ webhook, delivery }: Chain): boolean {
  return webhook.isGone && webhook.state === 'disabled' && (!delivery || delivery.status === 'cancelled')
}

/** Events that the driver gave up on, so that nobody has to know their fate. */
export function unknownEvents({ events }: Ledger): number {
  return events.filter((event) => !isAccepted(event)).length
}
