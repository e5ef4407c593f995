import type { Ledger } from '../ledger.js'
import { attemptsInOrder } from './attempts-in-order.js'
import { type Chain, chainsOf } from './chains.js'
import { disabledOnce } from './disabled-once.js'
import { logTellsTheTruth } from './log-tells-the-truth.js'
import { nothingAltered } from './nothing-altered.js'
import { nothingInvented } from './nothing-invented.js'
import { nothingLost } from './nothing-lost.js'
import { type Repeat, type RepeatBounds, checkRepeats, repeatsOf } from './repeats.js'
import type { Violation } from './violation.js'

export interface CheckOptions {
  /** `delaysMs[n]` is the wait after attempt n+1. */
  delaysMs: readonly number[]
  bounds: RepeatBounds
}

export interface Verdict {
  violations: Violation[]
  chains: Chain[]
  repeats: Repeat[]
  /** Requests whose outcome a dispatcher could not write because it was hit. */
  unrecorded: number
}

/** Holds what everybody wrote down against what the product promises. Pure: the same ledger, the same verdict. */
export function checkLedger(ledger: Ledger, { delaysMs, bounds }: CheckOptions): Verdict {
  const chains = chainsOf(ledger)
  const repeats = repeatsOf(ledger, chains, bounds)
  const log = logTellsTheTruth(ledger, chains, bounds)
  const violations = [
    ...nothingLost(chains),
    ...nothingInvented(ledger),
    ...nothingAltered(chains),
    ...attemptsInOrder(chains, delaysMs),
    ...checkRepeats(repeats, bounds),
    ...log.violations,
    ...disabledOnce(ledger),
    ...faultsThatDidNotHeal(ledger),
    ...ledger.incidents.map((detail) => ({ rule: 'no incident' as const, subject: 'the run', detail })),
  ]
  return { violations, chains, repeats, unrecorded: log.unrecorded }
}

function faultsThatDidNotHeal({ faults }: Ledger): Violation[] {
  return faults
    .filter(({ backAt, proof }) => backAt === Infinity || proof === '')
    .map(({ instance, kind, at, proof }) => ({
      rule: 'every fault happened and healed',
      subject: `${kind} of ${instance} at ${new Date(at).toISOString()}`,
      detail: proof === '' ? 'nothing shows that it happened' : 'it never came back',
    }))
}
