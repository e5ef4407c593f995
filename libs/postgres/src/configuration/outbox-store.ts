import type { DeliverableWebhook, WebhookChange } from '#domain'
import { LOCKS } from '../advisory-locks.js'
import type { Database, Session } from '../database.js'

/** Changes per transaction: few enough that one publication is quick, enough that a backlog is gone in seconds. */
const BATCH = 500

interface OutboxRow {
  id: string
  change: string
}

export type PublishChanges = (changes: WebhookChange<DeliverableWebhook>[]) => Promise<void>

/** What the database knows and Kafka may not know yet. */
export class OutboxStore {
  constructor(private readonly database: Database) {}

  /**
   * Publishes everything that waits, in the order of commits, and deletes it. Any replica may call this at any time:
   * one works, the others answer `busy` at once. After a crash between publishing and deleting the same changes are
   * published again; their versions make that harmless.
   *
   * @throws what `publish` throws, with nothing deleted of its batch
   */
  async publishPending(publish: PublishChanges): Promise<'done' | 'busy'> {
    // The usual answer, every second of an idle process, without the five statements of a transaction.
    if (await this.#isEmpty()) return 'done'
    for (;;) {
      const outcome = await this.database.transaction((session) => publishBatch(session, publish))
      if (outcome !== 'more') return outcome
    }
  }

  /** Whether this row has left the outbox. Ask only for the ids of committed rows. */
  async isPublished(outboxId: number): Promise<boolean> {
    const waiting = await this.database.query({ name: 'outbox-waiting', text: 'select 1 from outbox where id = $1' }, [
      outboxId,
    ])
    return waiting.length === 0
  }

  async #isEmpty(): Promise<boolean> {
    const waiting = await this.database.query({ name: 'outbox-first', text: 'select 1 from outbox limit 1' })
    return waiting.length === 0
  }
}

async function publishBatch(session: Session, publish: PublishChanges): Promise<'done' | 'busy' | 'more'> {
  const [lock] = await session.query<{ ours: boolean }>('select pg_try_advisory_xact_lock($1) as ours', [LOCKS.relay])
  if (!lock?.ours) return 'busy'
  const rows = await session.query<OutboxRow>('select id, change from outbox order by id limit $1', [BATCH])
  if (rows.length === 0) return 'done'
  await publish(rows.map((row) => JSON.parse(row.change) as WebhookChange<DeliverableWebhook>))
  await session.query('delete from outbox where id = any($1)', [rows.map((row) => row.id)])
  return rows.length < BATCH ? 'done' : 'more'
}
