import type { FailureReason, Streak } from '#domain'

/** What the log tells of a webhook's attempts, in the order of their starts. Times in ms since the epoch. */
export interface StreakRecord {
  lastSuccessAt: number | null
  /** Since the last success; 0 while all is well. */
  failures: number
  /** The start of the first of them. */
  failingSince: number | null
  lastFailure: LastFailure | null
  /** The latest start of a failed attempt to deliver an event about a context, not about another webhook. */
  lastContextFailureAt: number | null
  /** Starts of the newest of these failures, ascending: what a success that is learnt late is held against. */
  recentFailures: number[]
}

export interface LastFailure {
  at: number
  reason: FailureReason | 'gone'
  status: number | null
}

/** An attempt as it bears on its webhook's health. `failure` is null for a success. */
export interface JudgedAttempt {
  startedAt: number
  /** Whether the event was about a context, not about another webhook. */
  isOfContext: boolean
  failure: Omit<LastFailure, 'at'> | null
}

export const BLANK: StreakRecord = {
  lastSuccessAt: null,
  failures: 0,
  failingSince: null,
  lastFailure: null,
  lastContextFailureAt: null,
  recentFailures: [],
}

/**
 * A webhook that fails for hours is called by single probes, so its whole streak fits in here. With more, a success
 * that comes late and belongs among the oldest forgets those: a streak is then taken as shorter than it is.
 */
export const MOST_RECENT = 250

/**
 * The record after some more attempts, each given once and in any order: facts of different deliveries come from
 * different partitions. Whatever started before `judgedFrom` was about another configuration and is no failure of
 * this one.
 */
export function afterAttempts(
  record: StreakRecord,
  attempts: readonly JudgedAttempt[],
  judgedFrom: number,
  mostRecent = MOST_RECENT,
): StreakRecord {
  const successes = attempts.filter(({ failure }) => failure === null).map(({ startedAt }) => startedAt)
  const lastSuccessAt = greatest(record.lastSuccessAt, successes)
  const counts = (startedAt: number) => startedAt >= judgedFrom && (lastSuccessAt === null || startedAt > lastSuccessAt)
  const fresh = attempts.filter(({ failure, startedAt }) => failure !== null && counts(startedAt))
  const known = record.recentFailures.filter(counts)
  const recent = [...known, ...fresh.map(({ startedAt }) => startedAt)].sort((a, b) => a - b)
  const isUnbroken = record.failingSince !== null && counts(record.failingSince)
  const older = isUnbroken ? record.failures - record.recentFailures.length : 0
  const firsts = older > 0 ? [record.failingSince!, ...recent.slice(0, 1)] : recent.slice(0, 1)
  return {
    lastSuccessAt,
    failures: older + recent.length,
    failingSince: firsts.length > 0 ? Math.min(...firsts) : null,
    lastFailure: attempts.reduce(latestFailure, record.lastFailure),
    lastContextFailureAt: greatest(
      record.lastContextFailureAt,
      attempts.filter(({ failure, isOfContext }) => failure !== null && isOfContext).map(({ startedAt }) => startedAt),
    ),
    recentFailures: recent.slice(-mostRecent),
  }
}

/** The streak that is running; one from before `judgedFrom` is history, also where no attempt has cleared it yet. */
export function runningStreak(
  record: Pick<StreakRecord, 'failures' | 'failingSince' | 'lastFailure'>,
  judgedFrom: number,
): Streak | null {
  const { failures, failingSince, lastFailure } = record
  if (failingSince === null || failingSince < judgedFrom) return null
  return { failures, since: failingSince, lastFailureAt: lastFailure?.at ?? failingSince }
}

function greatest(known: number | null, times: readonly number[]): number | null {
  let greatest = known
  for (const time of times) if (greatest === null || time > greatest) greatest = time
  return greatest
}

function latestFailure(known: LastFailure | null, { startedAt, failure }: JudgedAttempt): LastFailure | null {
  if (failure === null) return known
  const candidate = { ...failure, at: startedAt }
  if (known === null || candidate.at > known.at) return candidate
  // Two in the same millisecond: either would do, as long as it is always the same one.
  return candidate.at === known.at && nameOf(candidate) > nameOf(known) ? candidate : known
}

function nameOf({ reason, status }: LastFailure): string {
  return `${reason} ${status ?? ''}`
}
