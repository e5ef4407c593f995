import { type AttemptOutcome, sentenceFor } from '#domain'
import { LOCKS } from '../advisory-locks.js'
import type { Database, Session } from '../database.js'
import { epochMs } from '../epoch-ms.js'
import { addNotification } from './add-notification.js'
import type { LastFailure } from './streak-record.js'

/** A pass is short also after hours in which nobody looked; the next one takes the rest. */
const MOST_PER_PASS = 200

/** Marks streaks of which the owner is to be warned, and leaves the warning. */
export class WarningStore {
  constructor(private readonly database: Database) {}

  /** Whether any streak that began at `failingSince` (ms since the epoch) or before was not looked at by `warn` yet. */
  async isAnyDue(failingSince: number): Promise<boolean> {
    const rows = await this.database.query(ANY_DUE, [new Date(failingSince)])
    return rows.length > 0
  }

  /**
   * Warns once of every streak that began at `failingSince` (ms since the epoch) or before. Any replica may call this
   * at any time.
   * @returns how many warnings were left to be sent, and whether there may be more
   */
  warn(failingSince: number): Promise<{ warned: number; isMore: boolean }> {
    // Rows of streaks are written under this lock; the replicas then take turns as well.
    return this.database.transaction(async (session) => {
      const due = await session.query<Due>(MARK, [new Date(failingSince), MOST_PER_PASS])
      const toWarn = due.filter(({ isRunning }) => isRunning)
      for (const streak of toWarn) await warnOf(session, streak)
      return { warned: toWarn.length, isMore: due.length === MOST_PER_PASS }
    }, LOCKS.projection)
  }
}

interface Due {
  webhookId: string
  isRunning: boolean
  /** Whether deliveries of more than events about other webhooks have failed in it. */
  isNews: boolean
  accountId: string
  name: string
  url: string
  failures: number
  since: number
  lastFailureAt: number
  reason: LastFailure['reason']
  status: number | null
}

/** In the words of the index `webhook_health_unwarned`. */
const IS_DUE = 'failing_since <= $1 and failing_since is not null and (warned_at is null or warned_at < failing_since)'

const ANY_DUE = `select 1 from webhook_health where ${IS_DUE} limit 1`

/** Those of disabled webhooks are marked as well, so that they are not looked at again and again. */
const MARK = `
  with marked as (
    update webhook_health set warned_at = greatest(now(), failing_since)
    where webhook_id in (
      select webhook_id from webhook_health
      where ${IS_DUE}
      order by failing_since limit $2)
    returning *
  )
  select m.webhook_id as "webhookId", m.failures, ${epochMs('m.failing_since')} as since,
         ${epochMs('m.last_failure_at')} as "lastFailureAt", m.last_failure_reason as reason,
         m.last_failure_status as status, w.account_id as "accountId", w.name, w.url,
         coalesce(w.state = 'active' and m.failing_since >= w.judged_from, false) as "isRunning",
         coalesce(m.last_context_failure_at >= m.failing_since, false) as "isNews"
  from marked m left join webhooks w on w.id = m.webhook_id`

/**
 * The owner is always told. The other webhooks are not told of a streak that only events about other webhooks have
 * made: two receivers that fail each other's events and recover now and then would go on telling each other for ever.
 */
async function warnOf(session: Session, due: Due): Promise<void> {
  const { webhookId: id, accountId, name, url, failures, since, lastFailureAt } = due
  const streak = { failures, since, lastFailureAt, lastFailure: sentenceFor(outcomeOf(due)) }
  const ways = { mail: true, event: due.isNews }
  await addNotification(session, 'failing', { id, accountId, name, url }, { streak }, ways)
}

function outcomeOf({ reason, status }: Due): AttemptOutcome {
  if (reason === 'gone') return { kind: 'refused', reason, status: status ?? 410 }
  return { kind: 'failed', reason, ...(status !== null && { status }) }
}
