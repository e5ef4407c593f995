import { FAN_OUT_PATIENCE_MS, type Patience, isOverdue } from '#domain'
import type { Finding } from './findings.js'
import { LogLedger, type LoggedChain, type LoggedDelivery } from './log-ledger.js'

export interface AuditedTime {
  /** Of acceptance, from inclusive to exclusive; ms since the epoch. */
  since: number
  until: number
  /** The log was read up to here, ms since the epoch. */
  asOf: number
}

/**
 * Whether the log alone tells a whole story: each event was fanned out, and each chain has ended or is not due.
 *
 * @param before what was told of `untouched` deliveries before all that the ledger knows
 */
export function auditLog(
  ledger: LogLedger,
  time: AuditedTime,
  patience: Patience,
  before = new LogLedger(),
): Finding[] {
  const findings: Finding[] = []
  const old = time.asOf - Math.min(FAN_OUT_PATIENCE_MS, patience.usualMs)
  for (const [id, acceptedAt] of ledger.accepted) {
    if (isWithin(acceptedAt, time) && acceptedAt < old && !ledger.fannedOut.has(id, acceptedAt))
      findings.push({ kind: 'event_not_fanned_out', id })
  }
  for (const { id, acceptedAt, chain } of overdueChains(ledger, time, patience)) {
    const isFirst = isUntouched(chain)
    if (isFirst && wasTouched(before.delivery(id, acceptedAt))) continue
    const kind = isFirst && chain.next.notBefore === acceptedAt ? 'delivery_never_attempted' : 'chain_without_end'
    findings.push({ kind, id, detail: waitingText(chain) })
  }
  return findings
}

/**
 * Deliveries past their deadline of which no attempt and no end is known. Where their event came again within a day, what
 * was asked for by the second time was done, or begun, at the first, and nothing more is told of it.
 */
export function untouched(ledger: LogLedger, time: AuditedTime, patience: Patience): Set<string> {
  const overdue = [...overdueChains(ledger, time, patience)]
  return new Set(overdue.filter(({ chain }) => isUntouched(chain)).map(({ id }) => id))
}

/**
 * Chains that ended more than once. Nothing is missing: after a crash an attempt may be made again, and then its end is
 * told again.
 */
export function repeatedEnds(ledger: LogLedger, time: AuditedTime): number {
  let count = 0
  for (const [, { acceptedAt, chains }] of deliveriesOf(ledger)) {
    if (isWithin(acceptedAt, time)) count += chains.filter(({ ends }) => ends.length > 1).length
  }
  return count
}

interface OverdueChain {
  id: string
  acceptedAt: number
  chain: LoggedChain
}

function* overdueChains(ledger: LogLedger, time: AuditedTime, patience: Patience): Generator<OverdueChain> {
  for (const [id, { acceptedAt, chains }] of deliveriesOf(ledger)) {
    if (!isWithin(acceptedAt, time)) continue
    for (const chain of chains) {
      if (chain.ends.length === 0 && isOverdue(waitOf(chain), patience, time.asOf)) yield { id, acceptedAt, chain }
    }
  }
}

/** The first chain, of which a deferral may be known. */
function isUntouched({ number, attempts, next }: LoggedChain): boolean {
  return number === 0 && attempts === 0 && next.attempt === 1
}

function wasTouched(delivery: LoggedDelivery | undefined): boolean {
  const first = delivery?.chains.find(({ number }) => number === 0)
  return first !== undefined && (first.ends.length > 0 || !isUntouched(first))
}

/** Each with its id, which days later another one may have. */
export function* deliveriesOf({ deliveries }: LogLedger): Generator<[id: string, LoggedDelivery]> {
  for (const [id, each] of deliveries) for (const delivery of each) yield [id, delivery]
}

export function isWithin(acceptedAt: number, { since, until }: AuditedTime): boolean {
  return acceptedAt >= since && acceptedAt < until
}

function waitOf({ trigger, next: { notBefore } }: LoggedChain) {
  return { trigger, notBefore }
}

function waitingText({ number, next }: LoggedChain): string {
  return `chain ${number} waits for attempt ${next.attempt} since ${new Date(next.notBefore).toISOString()}`
}
