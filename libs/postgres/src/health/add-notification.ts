import type { NotableChange } from '#domain'
import type { Webhook } from '../entities/webhook.js'
import { hasItsMails } from './mail-bound.js'
import type { NotificationEvidence } from './notification.js'

/** A transaction, whoever leads it. */
interface Transaction {
  query(text: string, values: unknown[]): Promise<unknown>
}

/** By which ways a notification goes: to the owner by mail, to the account's other webhooks as an event. */
export interface Ways {
  mail: boolean
  event: boolean
}

type NotifiedWebhook = Pick<Webhook, 'id' | 'accountId' | 'name' | 'url'>

/**
 * Leaves a notification to be sent, in the transaction of what it is about: neither can be without the other. Its mail is
 * withheld from an account that has had its mails of the hour; its event goes all the same.
 */
export async function addNotification(
  transaction: Transaction,
  kind: NotableChange,
  { id, accountId, name, url }: NotifiedWebhook,
  what: Partial<Pick<NotificationEvidence, 'reason' | 'streak'>>,
  ways: Ways,
): Promise<void> {
  const evidence: NotificationEvidence = { webhook: { name, url }, reason: null, streak: null, ...what }
  await transaction.query(ADD, [accountId, id, kind, JSON.stringify(evidence), ways.mail, ways.event])
}

const ADD = `
  insert into notifications
    (account_id, webhook_id, kind, evidence, created_at, next_attempt_at, event_due_at, mail_withheld)
  select $1, $2, $3, $4, now(), case when $5 and not is_over then now() end, case when $6 then now() end, $5 and is_over
  from (select ${hasItsMails('$1', 'now()')} as is_over) as bound`
