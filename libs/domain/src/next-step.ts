import type { AttemptOutcome } from './attempt.js'
import type { ChainEnd, Delivery } from './delivery.js'
import type { RetrySchedule, RetryTier } from './retry-schedule.js'

/** What follows an attempt: the chain ends, or the next attempt waits in a tier. `notBefore` in ms since the epoch. */
export type NextStep =
  { kind: 'end'; end: ChainEnd } | { kind: 'retry'; tier: RetryTier; attempt: number; notBefore: number }

/** A test send is a question asked once; its answer is shown, not chased. */
const TRIGGERS_WITHOUT_RETRY = new Set(['test'])

export function nextStep(
  delivery: Pick<Delivery, 'attempt' | 'trigger'>,
  outcome: AttemptOutcome,
  schedule: RetrySchedule,
  now: number,
): NextStep {
  if (outcome.kind === 'succeeded') return { kind: 'end', end: 'delivered' }
  if (outcome.kind === 'refused') return { kind: 'end', end: 'gone' }
  const tier = TRIGGERS_WITHOUT_RETRY.has(delivery.trigger)
    ? undefined
    : schedule.tierAfter(delivery.attempt, outcome.retryAfterMs)
  if (!tier) return { kind: 'end', end: 'exhausted' }
  return { kind: 'retry', tier, attempt: delivery.attempt + 1, notBefore: now + tier.delayMs }
}
