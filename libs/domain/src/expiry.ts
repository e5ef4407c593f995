import type { Delivery } from './delivery.js'

/** What a lane knows of its past: since when it has watched, and its last success meanwhile. Ms since the epoch. */
export interface LaneMemory {
  watchedSince: number
  lastSuccessAt: number
}

/**
 * Whether a delivery that is to be put off once more has waited too long. Both must hold: the lane had no success
 * since the delivery was first put off, and the age is exceeded. Only time that the lane itself watched counts, so
 * that a downtime of ours expires nothing; nor does a working lane's backlog, nor the event's own age.
 */
export function isExpired(
  delivery: Pick<Delivery, 'chainStartedAt' | 'deferredSince'>,
  lane: LaneMemory,
  maxAgeMs: number,
  now: number,
): boolean {
  const { chainStartedAt, deferredSince } = delivery
  if (chainStartedAt === null || deferredSince === null) return false
  if (lane.lastSuccessAt >= deferredSince) return false
  return now - Math.max(chainStartedAt, lane.watchedSince) > maxAgeMs
}
