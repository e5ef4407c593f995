/**
 * How far apart two acceptances of one event id may be and still be one event; further apart they are two, each with
 * deliveries and chains of its own. Fan-out itself forgets an id after minutes, so a day is ample; each more day makes
 * every write look into one more partition. Ms.
 */
export const SAME_EVENT_WITHIN_MS = 86_400_000

/** Whether two acceptances of the same id, ms since the epoch, are one event. */
export function isSameEvent(acceptedAt: number, other: number): boolean {
  return Math.abs(acceptedAt - other) <= SAME_EVENT_WITHIN_MS
}
