import type { Streak } from '#domain'
import type { Database } from '../database.js'
import { epochMs } from '../epoch-ms.js'

/** Streaks as the log tells of them, for a dispatcher that takes webhooks over: it counts on from there. */
export class StreakSnapshot {
  constructor(private readonly database: Database) {}

  /** Every streak that is running, of webhooks that are called at all. @throws {DatabaseUnavailable} */
  async running(): Promise<{ webhookId: string; streak: Streak }[]> {
    const rows = await this.database.query<Streak & { webhookId: string }>(RUNNING)
    return rows.map(({ webhookId, ...streak }) => ({ webhookId, streak }))
  }
}

const RUNNING = `
  select h.webhook_id as "webhookId", h.failures, ${epochMs('h.failing_since')} as since,
         ${epochMs('h.last_failure_at')} as "lastFailureAt"
  from webhook_health h join webhooks w on w.id = h.webhook_id
  where h.failing_since is not null and h.failing_since >= w.judged_from and w.state = 'active'`
