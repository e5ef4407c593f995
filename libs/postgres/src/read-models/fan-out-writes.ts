import type { Session } from '../database.js'
import type { Balance } from './balance.js'
import { inChunks, mergedByKey } from './by-key.js'
import { column, joined } from './columns.js'
import type { FanOutRow } from './read-model-rows.js'

/** Of two decisions about one event, which a crash can bring, the first stands. Answers the number of events. */
export async function writeFanOuts(session: Session, rows: FanOutRow[], balance: Balance): Promise<number> {
  const fanOuts = mergedByKey(rows, keyOf, (a, b) => (b.decidedAt < a.decidedAt ? b : a))
  for (const chunk of inChunks(fanOuts.values())) balance.fanned_out += await writeChunk(session, chunk)
  return fanOuts.size
}

/** Answers how many were not known before. */
async function writeChunk(session: Session, fanOuts: FanOutRow[]): Promise<number> {
  const values = [
    joined(fanOuts.map((fanOut) => fanOut.accountId)),
    joined(fanOuts.map((fanOut) => fanOut.eventId)),
    joined(fanOuts.map((fanOut) => fanOut.acceptedAt)),
    joined(fanOuts.map((fanOut) => fanOut.decidedAt)),
    joined(fanOuts.map((fanOut) => JSON.stringify(fanOut.matches))),
  ]
  const [inserted] = await session.query<{ fresh: number }>(INSERT, values)
  const { fresh } = inserted!
  if (fresh < fanOuts.length) await session.query(CORRECT, values)
  return fresh
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
