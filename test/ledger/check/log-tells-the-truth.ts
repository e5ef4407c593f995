import type { Answer, Ledger, LedgerAttempt, LedgerRequest } from '../ledger.js'
import { type Chain, endOf, groupBy, isOf, nameOf } from './chains.js'
import { wasDisabledMeanwhile } from './nothing-lost.js'
import { type RepeatBounds, faultsOfOwners, hitBy } from './repeats.js'
import type { Violation } from './violation.js'

/**
 * What the API says of every delivery is what the receivers saw. The only difference allowed: a request whose outcome
 * the dispatcher could not write because it was hit.
 * @returns also how many requests are missing in the log for that reason
 */
export function logTellsTheTruth(
  ledger: Ledger,
  chains: Chain[],
  bounds: RepeatBounds,
): { violations: Violation[]; unrecorded: number } {
  const violations: Violation[] = doubledRows(ledger)
  let unrecorded = 0
  const owners = faultsOfOwners(ledger, bounds)
  const say = (chain: Chain, detail: string) =>
    violations.push({ rule: 'the log tells the truth', subject: nameOf(chain), detail })
  for (const chain of chains) {
    if (wasDisabledMeanwhile(chain)) continue
    const { delivery, requests } = chain
    if (!delivery) {
      say(chain, 'no row')
      continue
    }
    const end = endOf(chain)
    if (!mayBe(delivery.status, chain)) say(chain, `${delivery.status}, but the receiver saw ${end ?? 'no end'}`)
    if (!delivery.attempts) {
      if (delivery.attemptsMade !== requests.length) {
        say(chain, `${delivery.attemptsMade} attempts, but the receiver saw ${requests.length}`)
      }
      continue
    }
    const { missing, problems } = compare(requests, delivery.attempts)
    for (const problem of problems) say(chain, problem)
    for (const request of missing) {
      if (hitBy(owners, { ...request, settledAt: endOfAttempt(request, requests) }, bounds)) unrecorded++
      else say(chain, `attempt ${request.attempt} (${request.answer}) at ${iso(request.at)} is not in it`)
    }
  }
  return { violations, unrecorded }
}

/** After a lost connection an attempt goes on with another request, and is over when that one is. */
function endOfAttempt({ attempt, timestamp }: LedgerRequest, requests: LedgerRequest[]): number {
  const same = requests.filter((request) => request.attempt === attempt && request.timestamp === timestamp)
  return Math.max(...same.map(({ settledAt }) => settledAt))
}

function doubledRows({ deliveries }: Ledger): Violation[] {
  return [...groupBy(deliveries, ({ id }) => id)]
    .filter(([, rows]) => rows.length > 1)
    .map(([id, rows]) => ({
      rule: 'the log tells the truth',
      subject: id,
      detail: `listed ${rows.length} times`,
    }))
}

function mayBe(status: string, chain: Chain): boolean {
  const end = endOf(chain)
  if (status === end) return true
  // Its last answer may have come too late: then the receiver thinks it delivered, and the dispatcher that it gave up.
  const numbers = new Set(chain.requests.map(({ attempt }) => attempt))
  const isLate = chain.requests.some(({ isAnswered, at, settledAt }) => isAnswered && settledAt - at > 4_500)
  return status === 'exhausted' && end === 'delivered' && numbers.size === 6 && isLate
}

function compare(requests: LedgerRequest[], attempts: LedgerAttempt[]) {
  const problems: string[] = []
  const open = [...requests]
  for (const attempt of attempts.toSorted((a, b) => a.startedAt - b.startedAt)) {
    const matching = open.filter((request) => isOf(request, attempt))
    // The answer that is logged was the last one of the attempt: before it a lost connection may have been tried.
    const answered = matching.find((request) => statusOf(request) === attempt.status)
    if (!answered && attempt.status !== null) {
      problems.push(`attempt ${attempt.number} with ${attempt.status} at ${iso(attempt.startedAt)} was never received`)
      continue
    }
    const last = answered ?? matching[0]
    if (!last) continue
    for (const request of matching) {
      if (request === last || (request.timestamp === last.timestamp && !request.isAnswered)) {
        open.splice(open.indexOf(request), 1)
      }
    }
  }
  return { missing: open, problems }
}

const statuses: Partial<Record<Answer, number>> = { ok: 200, slow: 200, error: 500, gone: 410 }

function statusOf({ answer, isAnswered }: LedgerRequest): number | null {
  return isAnswered ? (statuses[answer] ?? null) : null
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
