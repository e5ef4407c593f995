import { type DeliveryStatus, type EventType, deliveryIdFor, deliveryStatuses, eventTypes } from '#domain'
import { DELIVERY_COLUMNS } from './delivery-row.js'
import { END_OF_TIME, type LogPage, keysetOf } from './log-page.js'

export interface DeliveryFilter {
  status?: DeliveryStatus | undefined
  type?: EventType | undefined
  eventId?: string | undefined
  /** The event was accepted at or after, ms since the epoch. */
  since?: number | undefined
  /** The event was accepted before, ms since the epoch. */
  until?: number | undefined
}

/**
 * One page of a webhook's deliveries, as SQL and its values. Whatever the filter, Postgres reads about as many rows as
 * the page has, out of an index that holds them in the order of the list: a rare status in a log of millions, and a
 * page far from the beginning, cost what the first page costs.
 */
export function deliveryListQuery(
  accountId: string,
  webhookId: string,
  filter: DeliveryFilter,
  page: LogPage,
): { text: string; values: unknown[] } {
  const { status, type, eventId, since = 0, until = END_OF_TIME } = filter
  const [acceptedAt, id] = keysetOf(page)
  const values = [webhookId, accountId, since, until, acceptedAt, id, page.limit + 1]
  if (eventId !== undefined) {
    // An event has one delivery at a webhook, and its id derives from both.
    const conditions = `id = $8 and event_id = $9 and ($10::text is null or ${STATUS} = $10)
      and ($11::text is null or event_type = $11)`
    const own = [deliveryIdFor(eventId, webhookId), eventId, status ?? null, type ?? null]
    return { text: pageWhere(conditions), values: [...values, ...own] }
  }
  if (status === undefined && type === undefined) return { text: pageWhere('true'), values }
  return {
    text: pageOfEach,
    values: [...values, status ? [status] : deliveryStatuses, type ? [type] : eventTypes],
  }
}

const STATUS = `coalesce(chain_end, 'waiting')`

/** The time alone, beside the keyset, tells Postgres which days it need not look at. */
function pageWhere(conditions: string): string {
  return `
    select ${DELIVERY_COLUMNS} from deliveries
    where webhook_id = $1 and account_id = $2 and ${conditions}
      and accepted_at >= to_timestamp($3::float8 / 1000) and accepted_at < to_timestamp($4::float8 / 1000)
      and accepted_at <= to_timestamp($5::float8 / 1000)
      and (accepted_at, id) < (to_timestamp($5::float8 / 1000), $6::text)
    order by accepted_at desc, id desc limit $7`
}

/** The first rows of every wanted status and type, each a range of one index; of these the first are the page. */
const pageOfEach = `
  select page.* from unnest($8::text[]) as wanted_status cross join unnest($9::text[]) as wanted_type
  cross join lateral (${pageWhere(`${STATUS} = wanted_status and event_type = wanted_type`)}) as page
  order by "acceptedAt" desc, id desc limit $7`
