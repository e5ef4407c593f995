import type { DeliverableWebhook, SealedSecret, WebhookChange } from '#domain'
import { type EntityManager, LessThanOrEqual } from 'typeorm'
import { LOCKS } from '../advisory-locks.js'
import { OutboxEntry } from '../entities/outbox-entry.js'
import type { Webhook } from '../entities/webhook.js'
import { WebhookSecret } from '../entities/webhook-secret.js'

/**
 * Makes the writers of configuration take turns until their commit. It must be the transaction's first statement:
 * what is read after it is what every earlier writer committed, and outbox ids are then given in commit order, which
 * a sequence alone does not promise.
 */
export async function takeConfigurationTurn(manager: EntityManager): Promise<void> {
  await manager.query('select pg_advisory_xact_lock($1)', [LOCKS.configuration])
}

/** Leaves the webhook's new state in the outbox, in the transaction that made it. Answers the outbox row's id. */
export async function announceChange(manager: EntityManager, webhook: Webhook): Promise<number> {
  await forgetExpiredSecrets(manager, webhook.id, new Date())
  const secrets = await secretsOf(manager, webhook.id)
  return announce(manager, { kind: 'changed', webhook: deliverableFrom(webhook, secrets) })
}

export async function announceDeletion(manager: EntityManager, webhookId: string, version: number): Promise<number> {
  return announce(manager, { kind: 'deleted', webhookId, version })
}

async function announce(manager: EntityManager, change: WebhookChange<DeliverableWebhook>): Promise<number> {
  const webhookId = change.kind === 'changed' ? change.webhook.id : change.webhookId
  const entry = { webhookId, change: JSON.stringify(change), createdAt: new Date() }
  const result = await manager.insert(OutboxEntry, entry)
  return Number(result.identifiers[0]!.id)
}

/** A secret whose overlap is over signs nothing any more and is not kept any longer than until the next change. */
export async function forgetExpiredSecrets(manager: EntityManager, webhookId: string, now: Date): Promise<void> {
  await manager.delete(WebhookSecret, { webhookId, expiresAt: LessThanOrEqual(now) })
}

/** Newest first. */
async function secretsOf(manager: EntityManager, webhookId: string): Promise<SealedSecret[]> {
  const secrets = await manager.find(WebhookSecret, { where: { webhookId }, order: { id: 'DESC' } })
  return secrets.map(({ sealed, expiresAt }) => ({ sealed, expiresAt: expiresAt?.getTime() ?? null }))
}

function deliverableFrom(webhook: Webhook, secrets: SealedSecret[]): DeliverableWebhook {
  return {
    id: webhook.id,
    accountId: webhook.accountId,
    version: webhook.version,
    events: webhook.events,
    isActive: webhook.state !== 'disabled',
    createdAt: webhook.createdAt.getTime(),
    url: webhook.url,
    secrets,
  }
}
