import { SAME_EVENT_WITHIN_MS } from '#domain'
import type { Database } from '../database.js'
import { inChunks } from './by-key.js'
import { homesAround } from './home.js'

/** Names one acceptance of an event; `acceptedAt` in ms since the epoch. */
export interface AcceptanceKey {
  accountId: string
  id: string
  acceptedAt: number
}

/** Which events were fanned out, for a fan-out whose offsets were lost. */
export class FannedOutEvents {
  constructor(private readonly database: Database) {}

  /**
   * Those of the given events that were fanned out, or of which an acceptance in the day before was: a repeat within
   * minutes has no fan-out of its own.
   * @throws {DatabaseUnavailable}
   */
  async among<Event extends AcceptanceKey>(events: readonly Event[]): Promise<Set<Event>> {
    const known = new Set<Event>()
    for (const chunk of inChunks(events)) {
      const rows = await this.database.query<{ place: number }>(FANNED_OUT, [
        chunk.map(({ accountId }) => accountId),
        chunk.map(({ id }) => id),
        chunk.map(({ acceptedAt }) => new Date(acceptedAt)),
        ...homesAround(chunk),
      ])
      for (const { place } of rows) known.add(chunk[place - 1]!)
    }
    return known
  }
}

// One look into the key's index for each event, and planned anew each time: see `knownRows`.
const FANNED_OUT = `
  select place::integer from unnest($1::text[], $2::text[], $3::timestamptz[])
    with ordinality as asked (account_id, event_id, accepted_at, place)
  where exists (
    select 1 from fan_outs
    where fan_outs.event_id = asked.event_id and fan_outs.account_id = asked.account_id
      and fan_outs.accepted_at between $4 and $5
      and fan_outs.accepted_at between asked.accepted_at - ${SAME_EVENT_WITHIN_MS} * interval '1 ms' and asked.accepted_at
    offset 0
  )`
