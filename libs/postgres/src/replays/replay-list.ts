import type { ReplayState } from '#domain'
import type { Database } from '../database.js'
import { type ReplaySummary, SUMMARY_COLUMNS } from './replay-row.js'

export interface ReplayListFilter {
  webhookId?: string | undefined
  state?: ReplayState | undefined
}

/** `after` is the last replay of the page before. Ms since the epoch. */
export interface ReplayListPage {
  limit: number
  after?: { createdAt: number; id: string } | undefined
}

/** The replays of an account, also those that are over, for as long as deliveries are kept. */
export class ReplayList {
  constructor(private readonly database: Database) {}

  /** Newest first, one more than the page holds. */
  list(accountId: string, filter: ReplayListFilter, { limit, after }: ReplayListPage): Promise<ReplaySummary[]> {
    return this.database.query<ReplaySummary>(
      `select ${SUMMARY_COLUMNS} from replays
       where account_id = $1 and ($2::text is null or webhook_id = $2) and ($3::text is null or state = $3)
         and ($4::timestamptz is null or (created_at, id) < ($4, $5))
       order by replays.created_at desc, id desc limit $6`,
      [
        accountId,
        filter.webhookId ?? null,
        filter.state ?? null,
        after ? new Date(after.createdAt) : null,
        after?.id ?? null,
        limit + 1,
      ],
    )
  }
}
