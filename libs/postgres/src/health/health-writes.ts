import type { Session } from '../database.js'
import { epochMs } from '../epoch-ms.js'
import { inChunks } from '../read-models/by-key.js'
import { column, joined } from '../read-models/columns.js'
import { HEALTH_COLUMNS, type HealthColumns, recordOf } from './health-row.js'
import { type JudgedAttempt, type StreakRecord, afterAttempts } from './streak-record.js'

/** Where a webhook's health stands. */
export interface KnownHealth extends HealthColumns {
  webhookId: string
  /** Ms since the epoch: earlier attempts say nothing any more. */
  judgedFrom: number
}

/** Of those webhooks that exist. */
export async function knownHealth(session: Session, webhookIds: ReadonlySet<string>): Promise<KnownHealth[]> {
  const known: KnownHealth[] = []
  for (const ids of inChunks(webhookIds)) known.push(...(await session.query<KnownHealth>(KNOWN, [ids])))
  return known
}

/**
 * Counts attempts that were not counted before into what was known, and leaves out those of webhooks of which nothing is.
 * The caller holds the projection lock since before it asked.
 */
export async function writeHealth(
  session: Session,
  known: readonly KnownHealth[],
  attempts: Map<string, JudgedAttempt[]>,
  recentFailures: number,
): Promise<void> {
  const judged = known.filter(({ webhookId }) => attempts.has(webhookId))
  for (const chunk of inChunks(judged)) {
    const rows = chunk.map((health) => {
      const { webhookId, judgedFrom } = health
      const record = afterAttempts(recordOf(health), attempts.get(webhookId)!, judgedFrom, recentFailures)
      return { webhookId, ...record }
    })
    await upsert(session, rows)
  }
}

interface HealthWrite extends StreakRecord {
  webhookId: string
}

const KNOWN = {
  name: 'known-health',
  text: `
    select w.id as "webhookId", ${epochMs('w.judged_from')} as "judgedFrom", ${HEALTH_COLUMNS}
    from webhooks w left join webhook_health h on h.webhook_id = w.id
    where w.id = any($1)`,
}

async function upsert(session: Session, rows: HealthWrite[]): Promise<void> {
  await session.query(UPSERT, [
    joined(rows.map((row) => row.webhookId)),
    joined(rows.map((row) => row.lastSuccessAt)),
    joined(rows.map((row) => row.failures)),
    joined(rows.map((row) => row.failingSince)),
    joined(rows.map((row) => row.lastFailure?.at ?? null)),
    joined(rows.map((row) => row.lastFailure?.reason ?? null)),
    joined(rows.map((row) => row.lastFailure?.status ?? null)),
    joined(rows.map((row) => row.lastContextFailureAt)),
    joined(rows.map((row) => JSON.stringify(row.recentFailures))),
  ])
}

const UPSERT = {
  name: 'upsert-health',
  text: `
    insert into webhook_health (webhook_id, last_success_at, failures, failing_since, last_failure_at,
                                last_failure_reason, last_failure_status, last_context_failure_at, recent_failures)
    select webhook_id, to_timestamp(last_success_at / 1000), failures, to_timestamp(failing_since / 1000),
           to_timestamp(last_failure_at / 1000), last_failure_reason, last_failure_status,
           to_timestamp(last_context_failure_at / 1000), recent_failures
    from unnest(${column(1)}, ${column(2, 'float8')}, ${column(3, 'integer')}, ${column(4, 'float8')},
                ${column(5, 'float8')}, ${column(6)}, ${column(7, 'integer')}, ${column(8, 'float8')}, ${column(9)})
      as health (webhook_id, last_success_at, failures, failing_since, last_failure_at,
                 last_failure_reason, last_failure_status, last_context_failure_at, recent_failures)
    on conflict (webhook_id) do update set
      last_success_at = excluded.last_success_at,
      failures = excluded.failures,
      failing_since = excluded.failing_since,
      last_failure_at = excluded.last_failure_at,
      last_failure_reason = excluded.last_failure_reason,
      last_failure_status = excluded.last_failure_status,
      last_context_failure_at = excluded.last_context_failure_at,
      recent_failures = excluded.recent_failures`,
}
