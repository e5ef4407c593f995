import type { Database } from '../database.js'
import { inPortions } from '../in-portions.js'
import { hasItsMails } from './mail-bound.js'
import type { ClaimedNotification } from './notification.js'

/** Withheld of one account since somebody last looked. */
export interface WithheldMails {
  accountId: string
  count: number
}

/** A thousand rows are changed in some milliseconds. */
const AT_ONCE = 1_000

/** Notifications that wait to be sent by mail: an outbox of its own, so that nothing ever waits for a mail server. */
export class NotificationStore {
  constructor(private readonly database: Database) {}

  /**
   * Takes the notification that was tried least, and of those the one that is due longest, so that no other process sends
   * it within `leaseMs`. A process that dies with it leaves it to be claimed again then. Undefined: none is due.
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

  /** The mails that were withheld and that nobody has counted yet; the next look finds what is left of very many. */
  takeWithheld(): Promise<WithheldMails[]> {
    return this.database.query<WithheldMails>(TAKE_WITHHELD)
  }

  /**
   * In portions. A notification is of use until it is sent both ways: what is told once is told once because of the
   * webhook's version and of `warned_at`, whether or not its notification is still there.
   *
   * @param isStopped asked before each portion
   * @returns how many were forgotten
   */
  forgetDone(olderThanMs: number, isStopped?: () => boolean): Promise<number> {
    return inPortions(this.database, FORGET, [olderThanMs], AT_ONCE, isStopped)
  }
}

/**
 * Not `skip locked`: the row is also that of the other way, which would make this one pass it over until the next look.
 * Those tried least first: what an address refuses for days would else keep the news of others waiting each time.
 */
const CLAIM = `
  with claimed as (
    update notifications set attempts = attempts + 1, next_attempt_at = now() + make_interval(secs => $1)
    where id = (
      select id from notifications where next_attempt_at <= now()
      order by attempts, next_attempt_at limit 1 for update)
    returning *
  )
  select c.id, c.kind, c.account_id as "accountId", c.webhook_id as "webhookId", c.evidence, c.created_at as "createdAt",
         c.attempts, a.email, exists (select 1 from webhooks w where w.id = c.webhook_id) as "webhookExists",
         ${hasItsMails('c.account_id', 'c.created_at', 'n.id <= c.id')} as "isLastForNow"
  from claimed c join accounts a on a.id = c.account_id`

/** What the other way holds is found by the next look. */
const TAKE_WITHHELD = `
  with taken as (
    update notifications set mail_withheld = false
    where id = any(array(select id from notifications where mail_withheld limit ${AT_ONCE} for update skip locked))
    returning account_id
  )
  select account_id as "accountId", count(*)::int as count from taken group by account_id`

/** Not within the hour in which they count for the bound of mails. What another replica is forgetting is passed over. */
const FORGET = `
  delete from notifications where id = any(array(
    select id from notifications
    where next_attempt_at is null and event_due_at is null
      and created_at < now() - greatest($1::float8 * interval '1 ms', interval '1 hour')
    order by created_at limit ${AT_ONCE} for update skip locked
  )) returning 1`
