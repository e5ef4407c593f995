import type { EntityManager } from 'typeorm'
import type { Database } from '../database.js'
import { OutboxEntry } from '../entities/outbox-entry.js'
import { Webhook } from '../entities/webhook.js'
import { WebhookSecret } from '../entities/webhook-secret.js'
import { ChangeWaiting, OverlapRunning } from './refusals.js'
import { announceChange, forgetExpiredSecrets, takeConfigurationTurn } from './webhook-change.js'

/** A rotation that was committed. It reaches the workers when the outbox row with this id was published. */
export interface Rotation {
  webhookId: string
  outboxId: number
  /** Until when the secret before is valid, too. */
  previousExpiresAt: Date
  /** What was valid until now, newest first, for undoing it. */
  before: KeptSecret[]
  /** The row of the new secret: its seal may be made anew at any time, its row stays. */
  secretId: number
}

type KeptSecret = Pick<WebhookSecret, 'id' | 'sealed' | 'expiresAt' | 'createdAt'>

/** The secrets that a webhook is signed with: one, or two while a rotation's overlap lasts. */
export class SecretStore {
  constructor(private readonly database: Database) {}

  /**
   * The new secret is valid at once, the one before for `overlapMs` more; with 0 every older one ends now.
   *
   * @returns null when the account has no such webhook
   * @throws {ChangeWaiting} while an earlier change is not published
   * @throws {OverlapRunning} when two are valid and this would make three
   */
  async rotate(accountId: string, id: string, sealed: string, overlapMs: number): Promise<Rotation | null> {
    return this.database.ormTransaction(async (manager) => {
      await takeConfigurationTurn(manager)
      const webhook = await manager.findOneBy(Webhook, { accountId, id })
      if (!webhook) return null
      await refuseBeforePublished(manager, id)
      const now = new Date()
      await forgetExpiredSecrets(manager, id, now)
      const before = await secretsOf(manager, id)
      const [newest, older] = before
      if (older && overlapMs > 0) throw new OverlapRunning(older.expiresAt!)
      const previousExpiresAt = new Date(now.getTime() + overlapMs)
      if (overlapMs > 0) await manager.update(WebhookSecret, { id: newest!.id }, { expiresAt: previousExpiresAt })
      else await manager.delete(WebhookSecret, { webhookId: id })
      const added = await manager.insert(WebhookSecret, { webhookId: id, sealed, expiresAt: null, createdAt: now })
      const outboxId = await announceNextVersion(manager, webhook, now)
      return { webhookId: id, outboxId, previousExpiresAt, before, secretId: Number(added.identifiers[0]!.id) }
    })
  }

  /** For a secret that nobody was told. Does nothing where the webhook is gone or has been rotated again since. */
  async undo({ webhookId, secretId, before }: Rotation): Promise<void> {
    await this.database.ormTransaction(async (manager) => {
      await takeConfigurationTurn(manager)
      const webhook = await manager.findOneBy(Webhook, { id: webhookId })
      const [newest] = await secretsOf(manager, webhookId)
      if (!webhook || newest?.id !== secretId) return
      await manager.delete(WebhookSecret, { id: secretId })
      for (const { id, sealed, expiresAt, createdAt } of before.toReversed()) {
        // One that is still there may have been sealed anew meanwhile.
        const { affected } = await manager.update(WebhookSecret, { id, webhookId }, { expiresAt })
        if (!affected) await manager.insert(WebhookSecret, { webhookId, sealed, expiresAt, createdAt })
      }
      await announceNextVersion(manager, webhook, new Date())
    })
  }
}

/**
 * Two rotations that are both unconfirmed would else each be undone to what the other left: a secret that nobody was told
 * as the only one.
 */
async function refuseBeforePublished(manager: EntityManager, webhookId: string): Promise<void> {
  const waiting = await manager.findOne(OutboxEntry, { where: { webhookId }, order: { id: 'DESC' } })
  if (waiting) throw new ChangeWaiting(Number(waiting.id))
}

/** Newest first. */
function secretsOf(manager: EntityManager, webhookId: string): Promise<WebhookSecret[]> {
  return manager.find(WebhookSecret, { where: { webhookId }, order: { id: 'DESC' } })
}

async function announceNextVersion(manager: EntityManager, found: Webhook, updatedAt: Date): Promise<number> {
  const webhook = { ...found, version: found.version + 1, updatedAt }
  await manager.update(Webhook, { id: found.id }, { version: webhook.version, updatedAt })
  return announceChange(manager, webhook)
}
