import type { Trigger } from './delivery.js'

/** The longest that what waits may go without a fact, beyond the time it waits for. Ms. */
export interface Patience {
  /** Of deliveries that go the usual way. */
  usualMs: number
  /** Of a replay's, which stand in line behind live traffic and are never put off: no fact tells of their waiting. */
  replayMs: number
}

/** Put off for less than this, a delivery is back before anyone could look it up: no fact is written. Ms. */
const WORTH_A_FACT_MS = 60_000
/** However short the times are for which a delivery is put off again and again, a fact tells of it so often. Ms. */
const TOLD_EVERY_MS = 5 * 60_000

/**
 * Whether a fact tells that a delivery is put off until `until`. It waits since `since`, the last time that it was to wait
 * for, or its acceptance; a receiver that says "in 30 seconds" to all but one may have it wait so for hours, and without
 * a fact it would look forgotten. All in ms since the epoch.
 */
export function isWorthAFact(waits: { since: number; acceptedAt: number }, until: number, now: number): boolean {
  const periods = (time: number): number => Math.floor((time - waits.acceptedAt) / TOLD_EVERY_MS)
  return until - now >= WORTH_A_FACT_MS || periods(until) > periods(waits.since)
}

/**
 * What no fact tells of after the time that a delivery waits for: jitter of up to 30 s, some minutes of short deferrals,
 * a hand-over between dispatchers, the attempt. Much less would accuse a lane that is merely busy. Ms.
 */
export const USUAL_PATIENCE_MS = 15 * 60_000

/** How long an accepted event may be without fan-out's word on it. Ms. */
export const FAN_OUT_PATIENCE_MS = 60_000

/** `deliveryMaxAgeMs`: DELIVERY_MAX_AGE, which nothing that waits outlives by its own fault. */
export function patienceFor(deliveryMaxAgeMs: number): Patience {
  return { usualMs: USUAL_PATIENCE_MS, replayMs: Math.max(USUAL_PATIENCE_MS, deliveryMaxAgeMs) }
}

/**
 * Until when a chain that waits for `notBefore` must have led to a fact: an attempt, a deferral, its end. Ms since the
 * epoch. However long a delivery may be retried or put off, each single wait is told of and has an end.
 */
export function deadlineOf(waiting: { notBefore: number; trigger: Trigger }, patience: Patience): number {
  return waiting.notBefore + (waiting.trigger === 'replay' ? patience.replayMs : patience.usualMs)
}

/** Whether a chain without an end is a defect. `now`: the time up to which the log was read. */
export function isOverdue(waiting: { notBefore: number; trigger: Trigger }, patience: Patience, now: number): boolean {
  return now > deadlineOf(waiting, patience)
}
