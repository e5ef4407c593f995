import type { Webhook } from '../entities/webhook.js'
import type { NotificationEvidence, NotificationKind } from './notification.js'

/** A transaction, whoever leads it. */
interface Transaction {
  query(text: string, values: unknown[]): Promise<unknown>
}

type NotifiedWebhook = Pick<Webhook, 'id' | 'accountId' | 'name' | 'url'>

/** Leaves a notification to be sent, in the transaction of what it is about: neither can be without the other. */
export async function addNotification(
  transaction: Transaction,
  kind: NotificationKind,
  { id, accountId, name, url }: NotifiedWebhook,
  what: Partial<Pick<NotificationEvidence, 'reason' | 'streak'>>,
): Promise<void> {
  const evidence: NotificationEvidence = { webhook: { name, url }, reason: null, streak: null, ...what }
  await transaction.query(
    `insert into notifications (account_id, webhook_id, kind, evidence, created_at, next_attempt_at)
     values ($1, $2, $3, $4, now(), now())`,
    [accountId, id, kind, JSON.stringify(evidence)],
  )
}
