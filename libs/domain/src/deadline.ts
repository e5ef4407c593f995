import type { Trigger } from './delivery.js'

/** The longest that what waits may go without a fact, beyond the time it waits for. Ms. */
export interface Patience {
  /** Of deliveries that go the usual way. */
  usualMs: number
  /** Of a replay's, which stand in line behind live traffic and are never put off: no fact tells of their waiting. */
  replayMs: number
}

/**
 * What no fact tells of after the time that a delivery waits for: jitter of up to 30 s, deferrals of less than a minute
 * in a row, a hand-over between dispatchers, the attempt. Much less would accuse a lane that is merely busy. Ms.
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
