import type { SentMark } from '#postgres'
import type { SentPage } from './replay-sender.js'

/**
 * How far what is sent may be ahead of what the receiver has answered, in seconds of the replay's rate: what a pause or
 * the end leaves to come, and what stands in the topic in front of other webhooks' replays.
 */
const AHEAD_S = 2
/** And so many besides, which a lane holds anyway: at a low rate several requests may be under way, too. */
const ALWAYS_AHEAD = 64

/** Whether `more` deliveries would be too many, with these on their way. */
export function isFarAhead(ahead: readonly SentMark[], more: number, ratePerSecond: number): boolean {
  const sent = ahead.reduce((sum, mark) => sum + mark.sent, 0)
  return sent + more > ratePerSecond * AHEAD_S + ALWAYS_AHEAD
}

/**
 * With a page that was sent now. A lane starts a replay's deliveries in their order: of each page the last one tells. Small
 * ones share a mark, so that a replay which finds one event in a thousand has few of them.
 *
 * @param limit of deliveries per page
 */
export function withPage(ahead: readonly SentMark[], { sent, last }: SentPage, limit: number): SentMark[] {
  if (!last) return [...ahead]
  const { eventId, acceptedAt, chain } = last
  const newest = ahead.at(-1)
  const isShared = newest !== undefined && newest.sent + sent <= limit / 2
  const mark = { eventId, acceptedAt, chain, sent: isShared ? newest.sent + sent : sent }
  return [...(isShared ? ahead.slice(0, -1) : ahead), mark]
}
