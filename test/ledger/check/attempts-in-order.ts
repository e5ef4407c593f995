import type { LedgerRequest } from '../ledger.js'
import { type Chain, MOST_ATTEMPTS, groupBy, nameOf } from './chains.js'
import type { Violation } from './violation.js'

/** Two clocks of one machine, both cut to whole milliseconds. */
const ROUNDING_MS = 2

/**
 * Attempts are numbered from 1 to 6 without a gap, and each comes no earlier than its wait after the one before.
 * @param delaysMs `delaysMs[n]` is the wait after attempt n+1
 */
export function attemptsInOrder(chains: Chain[], delaysMs: readonly number[]): Violation[] {
  return chains.flatMap((chain) => {
    const byNumber = groupBy(chain.requests, ({ attempt }) => attempt)
    return [...byNumber].flatMap(([text, requests]): Violation[] => {
      const number = Number(text)
      const subject = `attempt ${number} of ${nameOf(chain)}`
      if (!Number.isInteger(number) || number < 1 || number > MOST_ATTEMPTS) {
        return [{ rule: 'attempts in order', subject, detail: 'no such number' }]
      }
      if (number === 1) return []
      const before = byNumber.get(String(number - 1)) ?? []
      if (before.length === 0 && !isOnlyLogged(chain, number - 1)) {
        return [{ rule: 'attempts in order', subject, detail: `attempt ${number - 1} never came` }]
      }
      return early(requests[0]!, lastedUntil(chain, before, number - 1), delaysMs[number - 2]!).map((detail) => ({
        rule: 'never early',
        subject,
        detail,
      }))
    })
  })
}

/** Measured from the first that asked for it: after a crash an attempt is repeated while its retry is on its way. */
function early({ at }: LedgerRequest, before: number[], delayMs: number): string[] {
  const earliest = Math.min(...before) + delayMs - ROUNDING_MS
  return at < earliest ? [`${earliest - at} ms early`] : []
}

/** When each of the attempts with this number was over, ms; also of those that only the log knows of. */
function lastedUntil({ delivery }: Chain, requests: LedgerRequest[], number: number): number[] {
  const logged = delivery?.attempts?.filter((attempt) => attempt.number === number && attempt.status === null) ?? []
  return [...requests.map(mustHaveLastedUntil), ...logged.map(({ startedAt, durationMs }) => startedAt + durationMs)]
}

/** Nobody can know better than the receiver when it answered; of one that hung it knows only when it was asked. */
function mustHaveLastedUntil({ isAnswered, answer, at, settledAt }: LedgerRequest): number {
  return isAnswered || answer.startsWith('reset') ? settledAt : at
}

/** An attempt that found no connection: only the log knows of it. */
function isOnlyLogged({ delivery }: Chain, number: number): boolean {
  return delivery?.attempts?.some((attempt) => attempt.number === number && attempt.status === null) ?? false
}
