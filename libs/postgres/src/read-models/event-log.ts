import type { EventType } from '#domain'
import type { Database } from '../database.js'
import { homesAround } from './home.js'
import { type LogPage, keysetOf } from './log-page.js'
import type { EventRow, Matches } from './read-model-rows.js'
import { epochMs } from '../epoch-ms.js'

export interface EventFilter {
  type?: EventType | undefined
  /** Accepted at or after, ms since the epoch. */
  since?: number | undefined
}

const COLUMNS = `account_id as "accountId", id, type, body,
  ${epochMs('accepted_at')} as "acceptedAt"`

/**
 * One page of an account's events, as SQL and its values: as many rows as the page has are read, out of the index of
 * the account or of its events of one type.
 */
export function eventListQuery(
  accountId: string,
  { type, since = 0 }: EventFilter,
  page: LogPage,
): { text: string; values: unknown[] } {
  return {
    text: `
      select ${COLUMNS} from events
      where account_id = $1 ${type === undefined ? '' : 'and type = $6'}
        and accepted_at >= to_timestamp($2::float8 / 1000)
        and accepted_at <= to_timestamp($3::float8 / 1000)
        and (accepted_at, id) < (to_timestamp($3::float8 / 1000), $4::text)
      order by accepted_at desc, id desc
      limit $5`,
    values: [accountId, since, ...keysetOf(page), page.limit + 1, ...(type === undefined ? [] : [type])],
  }
}

/** What was accepted, always of one account. */
export class EventLog {
  constructor(private readonly database: Database) {}

  /** Newest first; up to `limit + 1` rows, so that the caller sees whether there are more. */
  list(accountId: string, filter: EventFilter, page: LogPage): Promise<EventRow[]> {
    const { text, values } = eventListQuery(accountId, filter, page)
    return this.database.query<EventRow>(text, values)
  }

  /** Null: the account has no such event, or it is too new or too old to be known. Of two, the first counts. */
  async find(accountId: string, id: string): Promise<EventRow | null> {
    const [event] = await this.database.query<EventRow>(
      {
        name: 'find-event',
        text: `select ${COLUMNS} from events where id = $1 and account_id = $2 order by accepted_at limit 1`,
      },
      [id, accountId],
    )
    return event ?? null
  }

  /** The text of the event that was accepted about then (ms since the epoch); null: too new or too old to be known. */
  async body(accountId: string, id: string, acceptedAt: number): Promise<string | null> {
    const [event] = await this.database.query<Pick<EventRow, 'body'>>(
      {
        name: 'find-body',
        text: `select body from events where id = $1 and account_id = $2 and accepted_at between $3 and $4
               order by accepted_at limit 1`,
      },
      [id, accountId, ...homesAround([{ acceptedAt }])],
    )
    return event?.body ?? null
  }

  /** Where the event went; null where fan-out has not told yet. */
  async matches(event: Pick<EventRow, 'id' | 'accountId' | 'acceptedAt'>): Promise<Matches | null> {
    const [row] = await this.database.query<{ matches: string }>(
      {
        name: 'find-fan-out',
        text: `select matches from fan_outs
               where event_id = $1 and account_id = $2 and accepted_at >= to_timestamp($3::float8 / 1000)
               order by decided_at limit 1`,
      },
      [event.id, event.accountId, event.acceptedAt],
    )
    return row ? (JSON.parse(row.matches) as Matches) : null
  }
}
