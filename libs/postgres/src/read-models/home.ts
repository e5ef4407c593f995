import { SAME_EVENT_WITHIN_MS } from '#domain'
import { type Acceptance, isOf } from './by-event.js'
import { column, joined } from './columns.js'

/** Where some deliveries are written, by id: the first acceptance of each event that came under it. */
export type DeliveryHomes = Map<string, readonly Acceptance[]>

/** Where is written what is told with this acceptance. Ms since the epoch. */
export function homeOf(homes: DeliveryHomes, id: string, acceptedAt: number): number {
  return homes.get(id)?.find((event) => isOf(event, acceptedAt))?.acceptedAt ?? acceptedAt
}

/** What is looked for: an id, and its first and last acceptance that are known. Ms since the epoch. */
interface Sought {
  id: string
  first: number
  last: number
}

/**
 * SQL, and its values, for the rows that may be of the same events as these: each once, and each id around its own times,
 * whatever else is asked in the same breath.
 *
 * One look into the key's index for each id. Planned anew each time, hence without a name: a plan that was kept from
 * the first minutes of a day, and those of `id = any(…)` or of `account_id = …`, read some other index from end to end.
 */
export function knownRows(
  table: string,
  columns: string,
  rows: readonly ({ id: string } & Acceptance)[],
  idColumn = 'id',
): [text: string, values: unknown[]] {
  const text = `
    select known.* from unnest(${column(1)}, ${column(2, 'float8')}, ${column(3, 'float8')}) as asked (id, since, until)
    cross join lateral (
      select ${columns} from ${table}
      where ${idColumn} = asked.id
        and accepted_at between to_timestamp(asked.since / 1000) and to_timestamp(asked.until / 1000)
        and accepted_at between $4 and $5
      offset 0
    ) as known`
  const sought = soughtFor(rows)
  const since = sought.map(({ first }) => first - SAME_EVENT_WITHIN_MS)
  const until = sought.map(({ last }) => last + SAME_EVENT_WITHIN_MS)
  return [text, [joined(sought.map(({ id }) => id)), joined(since), joined(until), ...ends([...since, ...until])]]
}

/** Each id once, however many rows it has. */
function soughtFor(rows: readonly ({ id: string } & Acceptance)[]): Sought[] {
  const sought = new Map<string, Sought>()
  for (const { id, acceptedAt } of rows) {
    const known = sought.get(id)
    if (!known) sought.set(id, { id, first: acceptedAt, last: acceptedAt })
    else if (acceptedAt < known.first) known.first = acceptedAt
    else if (acceptedAt > known.last) known.last = acceptedAt
  }
  return [...sought.values()]
}

/** Where rows of these acceptance times may be already: both ends for `between`. Ms. */
export function homesAround(rows: readonly Acceptance[]): [from: Date, to: Date] {
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
