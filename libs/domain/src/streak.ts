import type { AttemptOutcome } from './attempt.js'

/** Failures of a webhook in a row, without one success in between. Times in ms since the epoch. */
export interface Streak {
  failures: number
  /** When the first of them was started. */
  since: number
  lastFailureAt: number
}

/** What it takes to disable a webhook: both, so that neither a busy minute nor a quiet week does it alone. */
export interface DisableRule {
  afterAttempts: number
  afterMs: number
}

/** The streak after one more attempt; null while all is well. */
export function streakAfter(streak: Streak | null, outcome: AttemptOutcome, startedAt: number): Streak | null {
  if (outcome.kind === 'succeeded') return null
  if (streak === null) return { failures: 1, since: startedAt, lastFailureAt: startedAt }
  return {
    failures: streak.failures + 1,
    since: Math.min(streak.since, startedAt),
    lastFailureAt: Math.max(streak.lastFailureAt, startedAt),
  }
}

/** Whether a webhook has failed often enough and long enough to be disabled. `now` in ms since the epoch. */
export function isDisableDue(streak: Streak | null, rule: DisableRule, now: number): boolean {
  return streak !== null && streak.failures >= rule.afterAttempts && now - streak.since >= rule.afterMs
}

/** Whether its owner is to be warned that it will be disabled: half of the time has passed. */
export function isWarningDue(streak: Streak | null, rule: DisableRule, now: number): boolean {
  return streak !== null && streak.since <= warningDueSince(rule, now)
}

/** Streaks that began then or before are half over. */
export function warningDueSince(rule: DisableRule, now: number): number {
  return now - rule.afterMs / 2
}
