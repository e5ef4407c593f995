import type { Database } from '../database.js'
import type { Notification } from './notification.js'

/** Notifications that wait to become events: beside their mail, so that neither ever waits for the other. */
export class OperationalEventStore {
  constructor(private readonly database: Database) {}

  /**
   * Takes those that are due longest, so that no other process sends them within `leaseMs`. What is not settled by then,
   * whatever the reason, is due again.
   */
  async claim(leaseMs: number, most: number): Promise<Notification[]> {
    const rows = await this.database.query<Notification & { evidence: never }>(CLAIM, [leaseMs / 1_000, most])
    return rows.map((row) => ({ ...row, evidence: JSON.parse(row.evidence) as Notification['evidence'] }))
  }

  /** They are in the log. */
  async settle(ids: readonly string[]): Promise<void> {
    await this.database.query(
      'update notifications set event_due_at = null, event_sent_at = now() where id = any($1)',
      [ids],
    )
  }

  /** How many wait to be sent. */
  async pending(): Promise<number> {
    const [row] = await this.database.query<{ count: number }>(
      'select count(*)::int as count from notifications where event_due_at is not null',
    )
    return row!.count
  }
}

/** Not `skip locked`: the row is also that of the other way, which would make this one pass it over until the next look. */
const CLAIM = `
  with claimed as (
    update notifications set event_due_at = now() + make_interval(secs => $1)
    where id in (
      select id from notifications where event_due_at <= now()
      order by event_due_at, id limit $2 for update)
    returning *
  )
  select id, kind, account_id as "accountId", webhook_id as "webhookId", evidence, created_at as "createdAt"
  from claimed order by claimed.id`
