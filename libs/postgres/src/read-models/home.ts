import { SAME_EVENT_WITHIN_MS } from '#domain'
import { column, joined } from './columns.js'

/** Where each of some deliveries is written, by id: the acceptance that counts. Ms since the epoch. */
export type DeliveryHomes = Map<string, number>

/** What is looked for: an id, and its first and last acceptance that are known. Ms since the epoch. */
export interface Sought {
  id: string
  first: number
  last: number
}

/**
 * SQL, and its values, for the rows that may be of the same event: each id around its own times, whatever else is asked
 * in the same breath.
 *
 * One look into the key's index for each id. Planned anew each time, hence without a name: a plan that was kept from
 * the first minutes of a day, and those of `id = any(…)` or of `account_id = …`, read some other index from end to end.
 */
export function knownRows(
  table: string,
  columns: string,
  sought: readonly Sought[],
): [text: string, values: unknown[]] {
  const text = `
    select known.* from unnest(${column(1)}, ${column(2, 'float8')}, ${column(3, 'float8')}) as asked (id, since, until)
    cross join lateral (
      select ${columns} from ${table}
      where id = asked.id
        and accepted_at between to_timestamp(asked.since / 1000) and to_timestamp(asked.until / 1000)
        and accepted_at between $4 and $5
      offset 0
    ) as known`
  const since = sought.map(({ first }) => first - SAME_EVENT_WITHIN_MS)
  const until = sought.map(({ last }) => last + SAME_EVENT_WITHIN_MS)
  return [text, [joined(sought.map(({ id }) => id)), joined(since), joined(until), ...ends([...since, ...until])]]
}

/** Where rows of these acceptance times may be already: both ends for `between`. Ms. */
export function homesAround(rows: readonly { acceptedAt: number }[]): [from: Date, to: Date] {
  return ends(rows.flatMap(({ acceptedAt }) => [acceptedAt - SAME_EVENT_WITHIN_MS, acceptedAt + SAME_EVENT_WITHIN_MS]))
}

/** The first and the last of some times (ms): both ends for `between`, so that Postgres plans for no other day. */
export function ends(times: readonly number[]): [from: Date, to: Date] {
  let [from, to] = [Infinity, -Infinity]
  for (const time of times) {
    from = Math.min(from, time)
    to = Math.max(to, time)
  }
  return [new Date(from), new Date(to)]
}
