import type { ApiConfig } from '#config'
import { formatDuration } from '#domain'
import type { Problem } from '../http/problem.js'
import { filterTime } from '../deliveries/filter-time.js'
import { invalidFields } from '../http/invalid-request.js'

/** Whoever asks for all that is kept reckons by a clock of their own, some time before it is read here. Ms. */
const RECKONED_MS = 60_000

export interface ReplayRange {
  /** Ms since the epoch, from inclusive to exclusive. */
  since: number
  until: number
}

/**
 * The times of a request. What is accepted from now on reaches the webhook by itself: no range ends in the future.
 * @param keptMs how long events and what became of them are kept
 * @throws {Problem} 422 with the field and what to ask for instead
 */
export function replayRange(request: { since: string; until?: string | undefined }, keptMs: number, now: number) {
  const since = filterTime(request.since)!
  const until = Math.min(filterTime(request.until) ?? now, now)
  const oldest = now - keptMs
  if (since < oldest - RECKONED_MS) throw tooOld(keptMs, oldest)
  if (since >= until) throw invalidFields([{ pointer: '/since', detail: wrongOrder(request.until, until, now) }])
  return { since: Math.max(since, oldest), until } satisfies ReplayRange
}

/** Of an event whose deliveries are forgotten nobody can tell any more whether it was missed. */
export function keptMs({ topics }: Pick<ApiConfig, 'topics'>): number {
  return Math.min(topics.eventRetentionMs, topics.deliveryRetentionMs)
}

function tooOld(keptMs: number, oldest: number): Problem {
  const kept = formatDuration(keptMs)
  const detail = `is longer ago than events are kept (${kept}): ask for ${new Date(oldest).toISOString()} or later`
  return invalidFields([{ pointer: '/since', detail }])
}

function wrongOrder(given: string | undefined, until: number, now: number): string {
  if (given === undefined || until === now) return 'must be before now: later events are delivered by themselves'
  return 'must be before until: give the earlier of the two times as since'
}
