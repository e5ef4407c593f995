import type { Verdict } from './check/check-ledger.js'
import { isAccepted } from './check/chains.js'
import { unknownEvents } from './check/nothing-lost.js'
import { attemptsOnTime } from './check/lateness.js'
import type { Ledger, LedgerFault, Target } from './ledger.js'

const MOST_SHOWN = 20

/** What a run came to, for people: a few lines, and the violations if there are any. */
export function reportOf(ledger: Ledger, verdict: Verdict, delaysMs: readonly number[]): string {
  const { events, requests, faults } = ledger
  const { violations, chains, repeats, unrecorded } = verdict
  const lost = violations.filter(({ rule }) => rule === 'nothing lost').length
  const invented = violations.filter(({ rule }) => rule === 'nothing invented').length
  const causes = countBy(repeats, ({ cause }) => cause ?? 'none')
  const worst = (target: Target) => {
    const faultsBehind = repeats.flatMap(({ fault }) => (fault?.target === target ? fault : []))
    return Math.max(0, ...countBy(faultsBehind, nameOf).values())
  }
  const late = attemptsOnTime(chains, delaysMs)
  return [
    `events      ${events.filter(isAccepted).length} accepted, ${unknownEvents(ledger)} unknown, ` +
      `${events.filter(({ posts }) => posts.length > 1).length} posted more than once`,
    `deliveries  ${chains.length} in ${requests.length} requests: ${list(countBy(requests, ({ answer }) => answer))}`,
    `faults      ${faults.length}: ${list(countBy(faults, ({ kind }) => kind))}; ${list(countBy(faults, ({ target }) => target))}`,
    `lost        ${lost}`,
    `invented    ${invented}`,
    `repeats     ${repeats.length}${repeats.length > 0 ? `: ${list(causes)}` : ''}; ` +
      `by one fault of a dispatcher at most ${worst('dispatcher')}, of the broker ${worst('kafka')}`,
    `unrecorded  ${unrecorded} requests whose outcome could not be written`,
    `retries     never early; late by p50 ${late.p50} ms, p99 ${late.p99} ms, faults included`,
    `violations  ${violations.length}${violations.length ? `: ${list(countBy(violations, ({ rule }) => rule))}` : ''}`,
    ...violations.slice(0, MOST_SHOWN).map(({ rule, subject, detail }) => `  ${rule}: ${subject}: ${detail}`),
    ...(violations.length > MOST_SHOWN ? [`  … and ${violations.length - MOST_SHOWN} more`] : []),
  ].join('\n')
}

function nameOf({ instance, at }: LedgerFault): string {
  return `${instance} ${at}`
}

function countBy<T>(items: T[], keyOf: (item: T) => string): Map<string, number> {
  const counts = new Map<string, number>()
  for (const item of items) counts.set(keyOf(item), (counts.get(keyOf(item)) ?? 0) + 1)
  return counts
}

function list(counts: Map<string, number>): string {
  return [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ')
}
