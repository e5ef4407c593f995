import { type EventType, MAX_WEBHOOKS_PER_ACCOUNT } from '#domain'
import type { EntityManager } from 'typeorm'
import type { Database } from '../database.js'
import { sqlState } from '../database-unavailable.js'
import { Webhook } from '../entities/webhook.js'
import { WebhookSecret } from '../entities/webhook-secret.js'
import { addNotification } from '../health/add-notification.js'
import { FOREIGN_KEY_VIOLATION, TooManyWebhooks, UnknownAccount } from './refusals.js'
import { announceChange, announceDeletion, takeConfigurationTurn } from './webhook-change.js'
import { type WebhookRow, forgetHealth, withHealth } from './webhook-row.js'

export interface NewWebhook {
  id: string
  name: string
  url: string
  events: EventType[]
  sealedSecret: string
}

export interface WebhookPatch {
  name?: string | undefined
  url?: string | undefined
  events?: EventType[] | undefined
  /** `true` brings a disabled webhook back, `false` disables it for its owner. */
  isActive?: boolean | undefined
}

/** A change that was committed. It reaches the workers when the outbox row with this id was published. */
export interface Committed {
  webhook: WebhookRow
  outboxId: number
}

export interface WebhookPage {
  limit: number
  /** The last row of the page before. */
  after?: { createdAt: Date; id: string } | undefined
}

/** Webhooks, always of one account: another account's id is an unknown id. Row and outbox row change together. */
export class WebhookStore {
  constructor(private readonly database: Database) {}

  /**
   * @throws {TooManyWebhooks} when the account has its hundred, however many creations run at once
   * @throws {UnknownAccount}
   */
  async create(accountId: string, input: NewWebhook): Promise<Committed> {
    const now = new Date()
    const { sealedSecret, ...named } = input
    const webhook: Webhook = { ...named, ...FRESH, accountId, judgedFrom: now, createdAt: now, updatedAt: now }
    try {
      return await this.database.ormTransaction(async (manager) => {
        await takeConfigurationTurn(manager)
        const count = await manager.countBy(Webhook, { accountId })
        if (count >= MAX_WEBHOOKS_PER_ACCOUNT) throw new TooManyWebhooks()
        await manager.insert(Webhook, webhook)
        const secret = { webhookId: webhook.id, sealed: sealedSecret, expiresAt: null, createdAt: now }
        await manager.insert(WebhookSecret, secret)
        const [row] = await withHealth(manager, [webhook])
        return { webhook: row!, outboxId: await announceChange(manager, webhook) }
      })
    } catch (error) {
      if (sqlState(error) === FOREIGN_KEY_VIOLATION) throw new UnknownAccount(accountId)
      throw error
    }
  }

  find(accountId: string, id: string): Promise<WebhookRow | null> {
    return this.database.orm(async (manager) => {
      const found = await manager.findBy(Webhook, { accountId, id })
      return (await withHealth(manager, found))[0] ?? null
    })
  }

  /** Newest first; up to `limit + 1` rows, so that the caller sees whether there are more. */
  list(accountId: string, { limit, after }: WebhookPage): Promise<WebhookRow[]> {
    return this.database.orm(async (manager) => {
      const query = manager.createQueryBuilder(Webhook, 'webhook').where({ accountId })
      if (after) query.andWhere('(webhook.created_at, webhook.id) < (:createdAt, :id)', after)
      const page = await query
        .orderBy({ 'webhook.createdAt': 'DESC', 'webhook.id': 'DESC' })
        .limit(limit + 1)
        .getMany()
      return withHealth(manager, page)
    })
  }

  /** Null: the account has no such webhook. A patch that sets what is set already is a change, too. */
  async update(accountId: string, id: string, patch: WebhookPatch): Promise<Committed | null> {
    return this.database.ormTransaction(async (manager) => {
      await takeConfigurationTurn(manager)
      const found = await manager.findOneBy(Webhook, { accountId, id })
      if (!found) return null
      const webhook = patched(found, patch, new Date())
      await manager.update(Webhook, { accountId, id }, webhook)
      await tell(manager, found, webhook)
      const [row] = await withHealth(manager, [webhook])
      return { webhook: row!, outboxId: await announceChange(manager, webhook) }
    })
  }

  /** Null: the account has no such webhook. The outbox gets a tombstone whose version beats every change before. */
  async remove(accountId: string, id: string): Promise<{ outboxId: number } | null> {
    return this.database.ormTransaction(async (manager) => {
      await takeConfigurationTurn(manager)
      const found = await manager.findOneBy(Webhook, { accountId, id })
      if (!found) return null
      await manager.delete(Webhook, { accountId, id })
      await forgetHealth(manager, id)
      return { outboxId: await announceDeletion(manager, id, found.version + 1) }
    })
  }
}

const FRESH = { state: 'active', disabledReason: null, version: 1 } as const

function patched(found: Webhook, patch: WebhookPatch, now: Date): Webhook {
  const webhook = {
    ...found,
    name: patch.name ?? found.name,
    url: patch.url ?? found.url,
    events: patch.events ?? found.events,
    ...stateAfter(found, patch.isActive),
    version: found.version + 1,
    updatedAt: now,
  }
  // The dispatcher forgets its streak for the same two reasons, and for no other.
  const isNewBeginning = webhook.url !== found.url || (found.state === 'disabled' && webhook.state === 'active')
  return isNewBeginning ? { ...webhook, judgedFrom: now } : webhook
}

/** Switching off what is off keeps the reason it had. */
function stateAfter(found: Webhook, isActive: boolean | undefined): Pick<Webhook, 'state' | 'disabledReason'> {
  const { state, disabledReason } = found
  if (isActive === true) return { state: 'active', disabledReason: null }
  if (isActive === false && state !== 'disabled') return { state: 'disabled', disabledReason: 'owner' }
  return { state, disabledReason }
}

/**
 * Mail goes only of what mail tells: that we disabled the webhook, and that it is back; the account's other webhooks hear
 * of all. Where the first was withheld the second may still go: it says by itself what it is about.
 */
async function tell(manager: EntityManager, before: Webhook, after: Webhook): Promise<void> {
  if (before.state === after.state) return
  const change = after.state === 'disabled' ? 'disabled' : 'enabled'
  const reason = after.disabledReason ?? before.disabledReason
  await addNotification(manager, change, after, { reason }, { mail: reason !== 'owner', event: true })
}
