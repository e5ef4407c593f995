import type { ChainEnd } from '#domain'
import type { Database, Session } from '../database.js'
import type { ReadModelTable } from '../read-models/read-model-rows.js'

export type AuditedTable = ReadModelTable

/** As much of a row as an audit looks at. */
export interface AuditedRow {
  id: string
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
        `declare audited no scroll cursor for select ${COLUMNS[table]} from ${table}
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
   * Those among these ids that are there, whenever their event was accepted: one that came twice is one row.
   * Events and fan-outs as `account/event`.
   */
  async existing(table: AuditedTable, ids: readonly string[]): Promise<Set<string>> {
    const found = new Set<string>()
    for (let from = 0; from < ids.length; from += PORTION) {
      for (const id of await existing(this.database, table, ids.slice(from, from + PORTION))) found.add(id)
    }
    return found
  }
}

async function existing(session: Session, table: AuditedTable, ids: readonly string[]): Promise<string[]> {
  if (table === 'deliveries' || table === 'attempts') {
    const rows = await session.query<{ id: string }>(`select id from ${table} where id = any($1)`, [ids])
    return rows.map(({ id }) => id)
  }
  const column = table === 'events' ? 'id' : 'event_id'
  const pairs = ids.map((id) => id.split('/', 2) as [string, string])
  const rows = await session.query<{ key: string }>(
    `select account_id || '/' || ${column} as key from ${table}
     where (${column}, account_id) in (select * from unnest($1::text[], $2::text[]))`,
    [pairs.map(([, id]) => id), pairs.map(([accountId]) => accountId)],
  )
  return rows.map(({ key }) => key)
}
