import { type EventType, type ReplayChoice, SAME_EVENT_WITHIN_MS, chosenBy } from '#domain'
import type { Session } from '../database.js'
import { epochMs } from '../epoch-ms.js'
import type { ReplayPosition } from './replay-row.js'

/** Which events of an account a replay is about. Times in ms since the epoch, from inclusive to exclusive. */
export interface ReplayFilter {
  accountId: string
  webhookId: string
  choice: ReplayChoice
  types: readonly EventType[]
  since: number
  until: number
}

export interface ChosenEvent {
  id: string
  type: EventType
  acceptedAt: number
  /** The latest chain of its delivery to the webhook that the read models know; null: there is no delivery. */
  chain: number | null
}

/** Some of what was chosen, oldest first, and where to go on; `next` is null when nothing is left. */
export interface ChosenPage {
  events: ChosenEvent[]
  next: ReplayPosition | null
}

/** Events looked at in one statement, chosen or not, so that its time does not depend on how rare the chosen are. */
const STRETCH = 1_000
const STRETCH_TO_COUNT = 5_000

/** Before every event of the filter. No id is empty. */
export function beginningOf({ since }: Pick<ReplayFilter, 'since'>): ReplayPosition {
  return { acceptedAt: since, eventId: '' }
}

/**
 * The next chosen events after a place, at most `limit`; perhaps none although there are more behind.
 * An event that was accepted twice, a day or more apart, is two here as in the log.
 */
export async function chosenAfter(
  session: Session,
  filter: ReplayFilter,
  after: ReplayPosition,
  limit: number,
): Promise<ChosenPage> {
  const end = await stretchEnd(session, filter, after, STRETCH)
  if (!end) return { events: [], next: null }
  const events = await session.query<ChosenEvent>(
    `select events.id, events.type, ${epochMs('events.accepted_at')} as "acceptedAt", delivery.chain
     ${CHOSEN} order by events.accepted_at, events.id limit $10`,
    [...parametersOf(filter, after, end), limit],
  )
  const last = events.length === limit ? events.at(-1)! : null
  return { events, next: last ? { acceptedAt: last.acceptedAt, eventId: last.id } : end }
}

/** A count, and whether it was of all. */
export interface Counted {
  count: number
  isAll: boolean
}

/**
 * How many events are chosen as things stand; in portions, since there may be millions to look at.
 * @param isStopped asked before each portion
 */
export async function countChosen(
  session: Session,
  filter: ReplayFilter,
  isStopped: () => boolean = () => false,
): Promise<Counted> {
  let count = 0
  let after = beginningOf(filter)
  for (;;) {
    if (isStopped()) return { count, isAll: false }
    const end = await stretchEnd(session, filter, after, STRETCH_TO_COUNT)
    if (!end) return { count, isAll: true }
    const [row] = await session.query<{ chosen: number }>(
      `select count(*)::integer as chosen ${CHOSEN}`,
      parametersOf(filter, after, end),
    )
    count += row!.chosen
    after = end
  }
}

/** The last of the next events, of whatever type; null when there are none. */
async function stretchEnd(
  session: Session,
  { accountId, until }: ReplayFilter,
  after: ReplayPosition,
  length: number,
): Promise<ReplayPosition | null> {
  const [end] = await session.query<ReplayPosition>(
    `select id as "eventId", ${epochMs('accepted_at')} as "acceptedAt" from (
       select id, accepted_at from events
       where account_id = $1 and accepted_at >= to_timestamp($2::float8 / 1000)
         and accepted_at < to_timestamp($3::float8 / 1000)
         and (accepted_at, id) > (to_timestamp($2::float8 / 1000), $4::text)
       order by accepted_at, id limit ${length}
     ) as stretch order by accepted_at desc, id desc limit 1`,
    [accountId, after.acceptedAt, until, after.eventId],
  )
  return end ?? null
}

/** Accepted again within a day of the event; the constant times again for Postgres, which plans for no other days. */
const LATER = `
  accepted_at > events.accepted_at and accepted_at <= events.accepted_at + ${SAME_EVENT_WITHIN_MS} * interval '1 ms'
  and accepted_at between to_timestamp($4::float8 / 1000) and to_timestamp(($6::float8 + ${SAME_EVENT_WITHIN_MS}) / 1000)`

/** `deliveryIdFor` of event and webhook. */
const DELIVERY_ID = `
  'dlv_' || left(encode(sha256(convert_to(events.id || chr(10) || $2, 'UTF8')), 'hex'), 32)`

/**
 * Each event's delivery is looked for by itself: a join may be planned as a comparison of everything with everything,
 * on a day of which Postgres has no statistics yet. Event and delivery nearly always have the same time, that of the
 * acceptance, which is named for both, so that Postgres plans for the days of the page only.
 *
 * Where an event came again within a day and was delivered only then, its delivery lies there. It is looked for by its id,
 * a random place in the index of each of two days, and only where the webhook has any delivery in that time: what one that
 * was disabled for long has missed is spared that, but for the last day.
 */
const CHOSEN = `
  from events
  left join lateral (
    (select id, chain, chain_end from deliveries
     where webhook_id = $2 and accepted_at = events.accepted_at and event_id = events.id
       and accepted_at between to_timestamp($4::float8 / 1000) and to_timestamp($6::float8 / 1000)
     limit 1)
    union all
    (select id, chain, chain_end from deliveries
     where id = ${DELIVERY_ID} and ${LATER}
       and (select true from deliveries where webhook_id = $2 and ${LATER} order by accepted_at limit 1)
     order by accepted_at limit 1)
    limit 1
  ) as delivery on true
  where events.account_id = $1
    and events.accepted_at between to_timestamp($4::float8 / 1000) and to_timestamp($6::float8 / 1000)
    and (events.accepted_at, events.id) > (to_timestamp($4::float8 / 1000), $5::text)
    and (events.accepted_at, events.id) <= (to_timestamp($6::float8 / 1000), $7::text)
    and events.type = any($3::text[])
    -- What is about the webhook itself never goes there. Its body is ours, and in it this text is nowhere else.
    and case when events.type like 'webhook.%'
             then position('"data":{"webhook":{"id":"' || $2 || '"' in events.body) = 0 else true end
    and case when delivery.id is null then $8::boolean else delivery.chain_end = any($9::text[]) end`

function parametersOf(filter: ReplayFilter, after: ReplayPosition, end: ReplayPosition): unknown[] {
  const { withoutDelivery, ends } = chosenBy(filter.choice)
  return [
    filter.accountId,
    filter.webhookId,
    filter.types,
    after.acceptedAt,
    after.eventId,
    end.acceptedAt,
    end.eventId,
    withoutDelivery,
    ends,
  ]
}
