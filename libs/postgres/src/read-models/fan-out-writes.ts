import type { Session } from '../database.js'
import type { Balance } from './balance.js'
import { inChunks, mergedByKey } from './by-key.js'
import { column, joined } from './columns.js'
import type { FanOutRow } from './read-model-rows.js'

/** Of two decisions about one event, which a crash can bring, the first stands. Answers the number of events. */
export async function writeFanOuts(session: Session, rows: FanOutRow[], balance: Balance): Promise<number> {
  const fanOuts = mergedByKey(rows, keyOf, (a, b) => (b.decidedAt < a.decidedAt ? b : a))
  for (const chunk of inChunks(fanOuts.values())) balance.fanned_out += await upsert(session, chunk)
  return fanOuts.size
}

/** Answers how many were not known before. */
async function upsert(session: Session, fanOuts: FanOutRow[]): Promise<number> {
  const [written] = await session.query<{ fresh: number }>(UPSERT, [
    joined(fanOuts.map((fanOut) => fanOut.accountId)),
    joined(fanOuts.map((fanOut) => fanOut.eventId)),
    joined(fanOuts.map((fanOut) => fanOut.acceptedAt)),
    joined(fanOuts.map((fanOut) => fanOut.decidedAt)),
    joined(fanOuts.map((fanOut) => JSON.stringify(fanOut.matches))),
  ])
  return written!.fresh
}

const UPSERT = {
  name: 'upsert-fan-outs',
  text: `
    with written as (
    insert into fan_outs as known (account_id, event_id, accepted_at, decided_at, matches)
    select account_id, event_id, to_timestamp(accepted_at / 1000), to_timestamp(decided_at / 1000), matches
    from unnest(${column(1)}, ${column(2)}, ${column(3, 'float8')}, ${column(4, 'float8')}, ${column(5)})
      as fan_out (account_id, event_id, accepted_at, decided_at, matches)
    on conflict (event_id, account_id, accepted_at) do update
      set decided_at = excluded.decided_at, matches = excluded.matches
      where excluded.decided_at < known.decided_at
    returning xmax)
    select (count(*) filter (where xmax = 0))::int as fresh from written`,
}

function keyOf({ eventId, accountId, acceptedAt }: FanOutRow): string {
  return `${eventId}/${acceptedAt}/${accountId}`
}
