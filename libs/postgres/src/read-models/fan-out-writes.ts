import type { Session } from '../database.js'
import { epochMs } from '../epoch-ms.js'
import { together } from '../together.js'
import type { Balance } from './balance.js'
import { type AcceptedEvent, earlier, eventKeyOf, mergedByEvent } from './by-event.js'
import { groupedByKey, inChunks, mergedByKey } from './by-key.js'
import { column, joined } from './columns.js'
import { knownRows } from './home.js'
import type { FanOutRow } from './read-model-rows.js'

/**
 * Of two decisions about one acceptance, which a crash can bring, the first stands. An event that was accepted and fanned
 * out again within a day has a row for each time and is one event, here as in `events`. Answers the number of rows.
 */
export async function writeFanOuts(session: Session, rows: FanOutRow[], balance: Balance): Promise<number> {
  const fanOuts = mergedByKey(rows, keyOf, (a, b) => (b.decidedAt < a.decidedAt ? b : a))
  for (const chunk of inChunks(fanOuts.values())) {
    const events = chunk.map(({ accountId, eventId: id, acceptedAt }) => ({ accountId, id, acceptedAt }))
    // Asked for in the same breath, and answered before anything is inserted.
    const [known] = await together(existing(session, events), writeChunk(session, chunk))
    balance.fanned_out += newEvents(events, known.length > 0 ? await everKnown(session, events, known) : known)
  }
  return fanOuts.size
}

function existing(session: Session, events: AcceptedEvent[]): Promise<AcceptedEvent[]> {
  return session.query<AcceptedEvent>(...knownRows('fan_outs', COLUMNS, events, 'event_id'))
}

const COLUMNS = `account_id as "accountId", event_id as id, ${epochMs('accepted_at')} as "acceptedAt"`

/**
 * Rare: where one of them was known. Days later the same id is another event, and which acceptances make one is counted
 * from the first: one may be of an event of a day before that began a day before that. Those are left out that were not
 * known until now.
 */
async function everKnown(session: Session, events: AcceptedEvent[], known: AcceptedEvent[]): Promise<AcceptedEvent[]> {
  const rows = await session.query<AcceptedEvent>(`select ${COLUMNS} from fan_outs where event_id = any($1::text[])`, [
    [...new Set(known.map(({ id }) => id))],
  ])
  const acceptanceOf = (row: AcceptedEvent): string => `${eventKeyOf(row)}/${row.acceptedAt}`
  const before = new Set(known.map(acceptanceOf))
  const told = new Set(events.map(acceptanceOf))
  return rows.filter((row) => before.has(acceptanceOf(row)) || !told.has(acceptanceOf(row)))
}

/** How many events these are beside those that are known. */
function newEvents(events: AcceptedEvent[], known: AcceptedEvent[]): number {
  const knownOf = groupedByKey(known, eventKeyOf)
  let count = 0
  for (const [event, told] of groupedByKey(events, eventKeyOf)) {
    const before = knownOf.get(event) ?? []
    count += eventsIn([...before, ...told]) - eventsIn(before)
  }
  return count
}

function eventsIn(acceptances: AcceptedEvent[]): number {
  return mergedByEvent(acceptances, earlier).length
}

async function writeChunk(session: Session, fanOuts: FanOutRow[]): Promise<void> {
  const values = [
    joined(fanOuts.map((fanOut) => fanOut.accountId)),
    joined(fanOuts.map((fanOut) => fanOut.eventId)),
    joined(fanOuts.map((fanOut) => fanOut.acceptedAt)),
    joined(fanOuts.map((fanOut) => fanOut.decidedAt)),
    joined(fanOuts.map((fanOut) => JSON.stringify(fanOut.matches))),
  ]
  const [inserted] = await session.query<{ fresh: number }>(INSERT, values)
  if (inserted!.fresh < fanOuts.length) await session.query(CORRECT, values)
}

const GIVEN = `
  (select account_id, event_id, to_timestamp(accepted_at / 1000) as accepted_at,
          to_timestamp(decided_at / 1000) as decided_at, matches
   from unnest(${column(1)}, ${column(2)}, ${column(3, 'float8')}, ${column(4, 'float8')}, ${column(5)})
     as fan_out (account_id, event_id, accepted_at, decided_at, matches)) as given`

const INSERT = {
  name: 'insert-fan-outs',
  text: `
    with fresh as (
      insert into fan_outs (account_id, event_id, accepted_at, decided_at, matches)
      select * from ${GIVEN} on conflict do nothing returning 1)
    select count(*)::int as fresh from fresh`,
}

const CORRECT = {
  name: 'correct-fan-outs',
  text: `
    update fan_outs known set decided_at = given.decided_at, matches = given.matches
    from ${GIVEN}
    where known.event_id = given.event_id and known.account_id = given.account_id
      and known.accepted_at = given.accepted_at and given.decided_at < known.decided_at`,
}

function keyOf({ eventId, accountId, acceptedAt }: FanOutRow): string {
  return `${eventId}/${acceptedAt}/${accountId}`
}
