import { type ChainEnd, SAME_EVENT_WITHIN_MS } from '#domain'
import type { Database, Session } from '../database.js'
import { epochMs } from '../epoch-ms.js'
import type { ReadModelTable } from '../read-models/read-model-rows.js'

export type AuditedTable = ReadModelTable

/** What a row of is looked for. */
export interface SoughtRow {
  id: string
  /** Of its event, ms since the epoch. */
  acceptedAt: number
}

/** As much of a row as an audit looks at. */
export interface AuditedRow extends SoughtRow {
  /** Of events and fan-outs, whose ids are unique within their account. */
  accountId: string | null
  /** Of deliveries. */
  chain: number | null
  chainEnd: ChainEnd | null
}

const COLUMNS: Record<AuditedTable, string> = {
  events: 'id, account_id as "accountId", null::int as chain, null as "chainEnd"',
  fan_outs: 'event_id as id, account_id as "accountId", null::int as chain, null as "chainEnd"',
  deliveries: 'id, null as "accountId", chain, chain_end as "chainEnd"',
  attempts: 'id, null as "accountId", null::int as chain, null as "chainEnd"',
}

const PORTION = 5_000

/** The read models as an audit reads them: plainly, by acceptance time, past every index and view that they have. */
export class AuditedRows {
  constructor(private readonly database: Database) {}

  /** Every row of a table whose event was accepted from `since` until before `until` (ms), as of one moment. */
  async read(table: AuditedTable, since: number, until: number, onRow: (row: AuditedRow) => void): Promise<number> {
    return this.database.transaction(async (session) => {
      await session.query(
        `declare audited no scroll cursor for select ${COLUMNS[table]}, ${epochMs('accepted_at')} as "acceptedAt" from ${table}
         where accepted_at >= $1 and accepted_at < $2`,
        [new Date(since), new Date(until)],
      )
      let count = 0
      for (;;) {
        const rows = await session.query<AuditedRow>(`fetch ${PORTION} from audited`)
        for (const row of rows) onRow(row)
        count += rows.length
        if (rows.length < PORTION) return count
      }
    })
  }

  /**
   * Those among these rows that are there, perhaps under another acceptance of the same event: one that came twice is one
   * row. Ids of events and fan-outs as `account/event`.
   */
  async existing<Row extends SoughtRow>(table: AuditedTable, rows: readonly Row[]): Promise<Set<Row>> {
    const found = new Set<Row>()
    for (let from = 0; from < rows.length; from += PORTION) {
      const portion = rows.slice(from, from + PORTION)
      for (const place of await existing(this.database, table, portion)) found.add(portion[place - 1]!)
    }
    return found
  }
}

/** By their places among those given, from 1. */
async function existing(session: Session, table: AuditedTable, sought: readonly SoughtRow[]): Promise<number[]> {
  const isOfAccount = table === 'events' || table === 'fan_outs'
  const keys = sought.map(({ id }) => (isOfAccount ? (id.split('/', 2) as [string, string]) : ([null, id] as const)))
  const rows = await session.query<{ place: number }>(
    `select distinct place::integer from unnest($1::text[], $2::text[], $3::float8[])
       with ordinality as sought (account_id, id, accepted_at, place)
     join ${table} as known on known.${table === 'fan_outs' ? 'event_id' : 'id'} = sought.id
       and known.accepted_at between to_timestamp((sought.accepted_at - ${SAME_EVENT_WITHIN_MS}) / 1000)
                                 and to_timestamp((sought.accepted_at + ${SAME_EVENT_WITHIN_MS}) / 1000)
       ${isOfAccount ? 'and known.account_id = sought.account_id' : ''}`,
    [keys.map(([accountId]) => accountId), keys.map(([, id]) => id), sought.map(({ acceptedAt }) => acceptedAt)],
  )
  return rows.map(({ place }) => place)
}
