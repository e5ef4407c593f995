import type { Database } from '../database.js'
import type { ClaimedNotification } from './notification.js'

/** Notifications that wait to be sent by mail: an outbox of its own, so that nothing ever waits for a mail server. */
export class NotificationStore {
  constructor(private readonly database: Database) {}

  /**
   * Takes the notification that is due longest, so that no other process sends it within `leaseMs`. A process that dies
   * with it leaves it to be claimed again then. Undefined: none is due.
   */
  async claim(leaseMs: number): Promise<ClaimedNotification | undefined> {
    const [row] = await this.database.query<ClaimedNotification & { evidence: never }>(CLAIM, [leaseMs / 1_000])
    return row && { ...row, evidence: JSON.parse(row.evidence) as ClaimedNotification['evidence'] }
  }

  /** Sent, or not to be sent: it is done with. */
  async settle(id: string, wasSent: boolean): Promise<void> {
    await this.database.query(
      'update notifications set next_attempt_at = null, sent_at = case when $2 then now() end where id = $1',
      [id, wasSent],
    )
  }

  /** To be tried again at `at`. */
  async putOff(id: string, at: Date): Promise<void> {
    await this.database.query('update notifications set next_attempt_at = $2 where id = $1 and sent_at is null', [
      id,
      at,
    ])
  }

  /** How many wait to be sent. */
  async pending(): Promise<number> {
    const [row] = await this.database.query<{ count: number }>(
      'select count(*)::int as count from notifications where next_attempt_at is not null',
    )
    return row!.count
  }
}

/** Not `skip locked`: the row is also that of the other way, which would make this one pass it over until the next look. */
const CLAIM = `
  with claimed as (
    update notifications set attempts = attempts + 1, next_attempt_at = now() + make_interval(secs => $1)
    where id = (
      select id from notifications where next_attempt_at <= now()
      order by next_attempt_at limit 1 for update)
    returning *
  )
  select c.id, c.kind, c.account_id as "accountId", c.webhook_id as "webhookId", c.evidence, c.created_at as "createdAt",
         c.attempts, a.email, exists (select 1 from webhooks w where w.id = c.webhook_id) as "webhookExists"
  from claimed c join accounts a on a.id = c.account_id`
