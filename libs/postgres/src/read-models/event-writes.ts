import type { Session } from '../database.js'
import type { Balance } from './balance.js'
import { inChunks, mergedByKey } from './by-key.js'
import { column, joined, storableText } from './columns.js'
import { knownRows } from './home.js'
import type { EventRow } from './read-model-rows.js'
import { epochMs } from '../epoch-ms.js'

interface EventHome {
  accountId: string
  id: string
  acceptedAt: number
}

/** An event that came twice is one event: the first acceptance and its content count. Answers the number of events. */
export async function writeEvents(session: Session, rows: EventRow[], balance: Balance): Promise<number> {
  const events = mergedByKey(rows, keyOf, (a, b) => (b.acceptedAt < a.acceptedAt ? b : a))
  for (const chunk of inChunks(events.values())) await writeChunk(session, chunk, balance)
  return events.size
}

async function writeChunk(session: Session, events: EventRow[], balance: Balance): Promise<void> {
  const homes = new Map((await existing(session, events)).map((home) => [keyOf(home), home]))
  const fresh: EventRow[] = []
  const superseded: EventHome[] = []
  for (const event of events) {
    const home = homes.get(keyOf(event))
    if (home && home.acceptedAt <= event.acceptedAt) continue
    if (home) superseded.push(home)
    fresh.push(event)
  }
  if (superseded.length > 0) await removeSuperseded(session, superseded)
  if (fresh.length > 0) await insert(session, fresh)
  balance.accepted += fresh.length - superseded.length
}

function existing(session: Session, events: EventRow[]): Promise<EventHome[]> {
  const columns = `account_id as "accountId", id, ${epochMs('accepted_at')} as "acceptedAt"`
  const sought = events.map(({ id, acceptedAt }) => ({ id, first: acceptedAt, last: acceptedAt }))
  return session.query<EventHome>(...knownRows('events', columns, sought))
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
async function removeSuperseded(session: Session, homes: EventHome[]): Promise<void> {
  await session.query(
    `delete from events using unnest($1::text[], $2::text[], $3::float8[]) as home (account_id, id, accepted_at)
     where events.id = home.id and events.account_id = home.account_id
       and events.accepted_at = to_timestamp(home.accepted_at / 1000)`,
    [homes.map((home) => home.accountId), homes.map((home) => home.id), homes.map((home) => home.acceptedAt)],
  )
}

function keyOf({ accountId, id }: EventHome): string {
  return `${id}/${accountId}`
}
