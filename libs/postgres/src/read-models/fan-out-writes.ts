import type { Session } from '../database.js'
import { inChunks, mergedByKey } from './by-key.js'
import type { FanOutRow } from './read-model-rows.js'

/** Of two decisions about one event, which a crash can bring, the first stands. Answers the number of events. */
export async function writeFanOuts(session: Session, rows: FanOutRow[]): Promise<number> {
  const fanOuts = mergedByKey(rows, keyOf, (a, b) => (b.decidedAt < a.decidedAt ? b : a))
  for (const chunk of inChunks(fanOuts.values())) await upsert(session, chunk)
  return fanOuts.size
}

async function upsert(session: Session, fanOuts: FanOutRow[]): Promise<void> {
  await session.query(
    {
      name: 'upsert-fan-outs',
      text: `insert into fan_outs as known (account_id, event_id, accepted_at, decided_at, matches)
             select account_id, event_id, to_timestamp(accepted_at / 1000), to_timestamp(decided_at / 1000), matches
             from unnest($1::text[], $2::text[], $3::float8[], $4::float8[], $5::text[])
               as fan_out (account_id, event_id, accepted_at, decided_at, matches)
             on conflict (event_id, account_id, accepted_at) do update
               set decided_at = excluded.decided_at, matches = excluded.matches
               where excluded.decided_at < known.decided_at`,
    },
    [
      fanOuts.map((fanOut) => fanOut.accountId),
      fanOuts.map((fanOut) => fanOut.eventId),
      fanOuts.map((fanOut) => fanOut.acceptedAt),
      fanOuts.map((fanOut) => fanOut.decidedAt),
      fanOuts.map((fanOut) => JSON.stringify(fanOut.matches)),
    ],
  )
}

function keyOf({ eventId, accountId, acceptedAt }: FanOutRow): string {
  return `${eventId}/${acceptedAt}/${accountId}`
}
