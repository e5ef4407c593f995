import { FAN_OUT_PATIENCE_MS, SAME_EVENT_WITHIN_MS } from '#domain'
import type { Session } from '../database.js'
import { epochMs } from '../epoch-ms.js'
import { ends } from '../read-models/home.js'

/** How far accepted events have been held against what fan-out tells. Times in ms since the epoch. */
export interface FanOutWatch {
  /** Every event accepted before has been looked at, once. */
  until: number
  /** Those among them that are still missing: looked at every time. */
  missing: MissingFanOut[]
}

export interface MissingFanOut {
  accountId: string
  eventId: string
  acceptedAt: number
}

/** Where nothing is kept from before, how far back it begins. Ms. */
const LOOK_BACK_MS = 3_600_000
/** After a pause it catches up in portions, each a moment of a statement. Ms of acceptance time. */
const PORTION_MS = 300_000
/** With so many missing nobody needs the exact number any more. */
const MOST_MISSING = 1_000
const MOST_KEPT = 10_000

/** One look goes over so many: a day. After a longer pause the next look goes on. */
const MOST_PORTIONS = 288

/**
 * Looks at the events that became old enough since the last time, and again at those that were missing. So each event is
 * looked at once in its life, however often this is called.
 * @param isStopped asked before each portion; the next look goes on
 */
export async function lookAtFanOut(
  session: Session,
  last: FanOutWatch | undefined,
  asOf: number,
  isStopped: () => boolean = () => false,
): Promise<FanOutWatch> {
  const target = asOf - FAN_OUT_PATIENCE_MS
  let until = last?.until ?? asOf - LOOK_BACK_MS
  let missing = last && last.missing.length > 0 ? await recheck(session, last.missing) : []
  for (let portions = 0; until < target && portions < MOST_PORTIONS && !isStopped(); portions++) {
    const [from, to] = [until, Math.min(target, until + PORTION_MS)]
    const newlyMissing = await session.query<MissingFanOut>(MISSING, [new Date(from), new Date(to), MOST_MISSING])
    // Those of a portion that is looked at again are among the new ones.
    missing = [...missing.filter(({ acceptedAt }) => acceptedAt < from), ...newlyMissing].slice(0, MOST_KEPT)
    // Too many in one portion: it is looked at again as a whole, until it is better.
    if (newlyMissing.length === MOST_MISSING) break
    until = to
  }
  return { until, missing }
}

const SAME_EVENT = `${SAME_EVENT_WITHIN_MS} * interval '1 ms'`

/**
 * Of another acceptance of it within the time in which it is one event: a repeat may have got the earlier time, from a broker
 * whose clock is behind, and what fan-out tells is of the one that it read first. The constant bounds are for Postgres, which
 * plans for no other days. One look into the key's index for each event (`offset 0`): as a join it may be planned to read all
 * that was fanned out in these days, every time.
 */
const isFannedOut = (first: string, last: string): string => `exists (
    select 1 from fan_outs f
    where f.event_id = events.id and f.account_id = events.account_id
      and f.accepted_at between events.accepted_at and events.accepted_at + ${SAME_EVENT}
      and f.accepted_at between ${first} and ${last} + ${SAME_EVENT}
    offset 0)`

const MISSING = `
  select account_id as "accountId", id as "eventId", ${epochMs('accepted_at')} as "acceptedAt" from events
  where accepted_at >= $1::timestamptz and accepted_at < $2::timestamptz
    and not ${isFannedOut('$1::timestamptz', '$2::timestamptz')}
  limit $3`

/** One whose event is no longer kept is nobody's any more. */
function recheck(session: Session, missing: MissingFanOut[]): Promise<MissingFanOut[]> {
  return session.query<MissingFanOut>(
    `select asked.account_id as "accountId", asked.event_id as "eventId", asked.accepted_at as "acceptedAt"
     from unnest($1::text[], $2::text[], $3::float8[]) as asked (account_id, event_id, accepted_at)
     join events on events.id = asked.event_id and events.account_id = asked.account_id
                and events.accepted_at = to_timestamp(asked.accepted_at / 1000)
     where not ${isFannedOut('$4::timestamptz', '$5::timestamptz')}`,
    [
      missing.map(({ accountId }) => accountId),
      missing.map(({ eventId }) => eventId),
      missing.map(({ acceptedAt }) => acceptedAt),
      ...ends(missing.map(({ acceptedAt }) => acceptedAt)),
    ],
  )
}
