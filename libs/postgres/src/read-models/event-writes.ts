import type { Session } from '../database.js'
import type { Balance } from './balance.js'
import { type AcceptedEvent, earlier, eventKeyOf, mergedByEvent } from './by-event.js'
import { groupedByKey, inChunks } from './by-key.js'
import { column, joined, storableText } from './columns.js'
import { knownRows } from './home.js'
import type { EventRow } from './read-model-rows.js'
import { epochMs } from '../epoch-ms.js'

/**
 * An event that came twice within a day is one event: the first acceptance and its content count. Answers the number of
 * events.
 */
export async function writeEvents(session: Session, rows: EventRow[], balance: Balance): Promise<number> {
  let count = 0
  for (const chunk of inChunks(groupedByKey(rows, eventKeyOf))) count += await writeChunk(session, chunk, balance)
  return count
}

async function writeChunk(
  session: Session,
  told: [key: string, rows: EventRow[]][],
  balance: Balance,
): Promise<number> {
  const homes = groupedByKey(
    await existing(
      session,
      told.flatMap(([, rows]) => rows),
    ),
    eventKeyOf,
  )
  const fresh: EventRow[] = []
  const superseded: AcceptedEvent[] = []
  let count = 0
  for (const [key, rows] of told) {
    const known = homes.get(key) ?? []
    const events = mergedByEvent<AcceptedEvent>([...known, ...rows], earlier)
    count += events.length
    fresh.push(...events.filter((event): event is EventRow => !known.includes(event)))
    superseded.push(...known.filter((home) => !events.includes(home)))
  }
  if (superseded.length > 0) await removeSuperseded(session, superseded)
  if (fresh.length > 0) await insert(session, fresh)
  balance.accepted += fresh.length - superseded.length
  return count
}

function existing(session: Session, events: EventRow[]): Promise<AcceptedEvent[]> {
  const columns = `account_id as "accountId", id, ${epochMs('accepted_at')} as "acceptedAt"`
  return session.query<AcceptedEvent>(...knownRows('events', columns, events))
}

async function insert(session: Session, events: EventRow[]): Promise<void> {
  await session.query(INSERT, [
    joined(events.map((event) => event.accountId)),
    joined(events.map((event) => event.id)),
    joined(events.map((event) => event.type)),
    joined(events.map((event) => event.acceptedAt)),
    joined(events.map((event) => storableText(event.body))),
  ])
}

const INSERT = {
  name: 'insert-events',
  text: `
    insert into events (account_id, id, type, accepted_at, body)
    select account_id, id, type, to_timestamp(accepted_at / 1000), body
    from unnest(${column(1)}, ${column(2)}, ${column(3)}, ${column(4, 'float8')}, ${column(5)})
      as event (account_id, id, type, accepted_at, body)
    on conflict do nothing`,
}

/** Rare: the earlier acceptance became known after the later one, which happens only when a log is read anew. */
async function removeSuperseded(session: Session, homes: AcceptedEvent[]): Promise<void> {
  await session.query(
    `delete from events using unnest($1::text[], $2::text[], $3::float8[]) as home (account_id, id, accepted_at)
     where events.id = home.id and events.account_id = home.account_id
       and events.accepted_at = to_timestamp(home.accepted_at / 1000)`,
    [homes.map((home) => home.accountId), homes.map((home) => home.id), homes.map((home) => home.acceptedAt)],
  )
}
