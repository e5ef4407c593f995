import { type DisabledReason, type EventType, MAX_WEBHOOKS_PER_ACCOUNT, type WebhookState } from '#domain'
import type { Database } from '../database.js'
import { sqlState } from '../database-unavailable.js'
import { Webhook } from '../entities/webhook.js'
import { WebhookSecret } from '../entities/webhook-secret.js'
import { FOREIGN_KEY_VIOLATION, TooManyWebhooks, UnknownAccount } from './refusals.js'
import { announceChange, announceDeletion, takeConfigurationTurn } from './webhook-change.js'

/** A webhook as its owner sees it: no secret in it. */
export interface WebhookRow {
  id: string
  accountId: string
  name: string
  url: string
  events: EventType[]
  state: WebhookState
  /** Set exactly while `state` is `disabled`. */
  disabledReason: DisabledReason | null
  failingSince: Date | null
  version: number
  createdAt: Date
  updatedAt: Date
}

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
    const webhook: WebhookRow = { ...named, ...FRESH, accountId, createdAt: now, updatedAt: now }
    try {
      return await this.database.ormTransaction(async (manager) => {
        await takeConfigurationTurn(manager)
        const count = await manager.countBy(Webhook, { accountId })
        if (count >= MAX_WEBHOOKS_PER_ACCOUNT) throw new TooManyWebhooks()
        await manager.insert(Webhook, webhook)
        const secret = { webhookId: webhook.id, sealed: sealedSecret, expiresAt: null, createdAt: now }
        await manager.insert(WebhookSecret, secret)
        return { webhook, outboxId: await announceChange(manager, webhook) }
      })
    } catch (error) {
      if (sqlState(error) === FOREIGN_KEY_VIOLATION) throw new UnknownAccount(accountId)
      throw error
    }
  }

  find(accountId: string, id: string): Promise<WebhookRow | null> {
    return this.database.orm((manager) => manager.findOneBy(Webhook, { accountId, id }))
  }

  /** Newest first; up to `limit + 1` rows, so that the caller sees whether there are more. */
  list(accountId: string, { limit, after }: WebhookPage): Promise<WebhookRow[]> {
    return this.database.orm((manager) => {
      const query = manager.createQueryBuilder(Webhook, 'webhook').where({ accountId })
      if (after) query.andWhere('(webhook.created_at, webhook.id) < (:createdAt, :id)', after)
      return query
        .orderBy({ 'webhook.createdAt': 'DESC', 'webhook.id': 'DESC' })
        .limit(limit + 1)
        .getMany()
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
      return { webhook, outboxId: await announceChange(manager, webhook) }
    })
  }

  /** Null: the account has no such webhook. The outbox gets a tombstone whose version beats every change before. */
  async remove(accountId: string, id: string): Promise<{ outboxId: number } | null> {
    return this.database.ormTransaction(async (manager) => {
      await takeConfigurationTurn(manager)
      const found = await manager.findOneBy(Webhook, { accountId, id })
      if (!found) return null
      await manager.delete(Webhook, { accountId, id })
      return { outboxId: await announceDeletion(manager, id, found.version + 1) }
    })
  }
}

const FRESH = { state: 'active', disabledReason: null, failingSince: null, version: 1 } as const

function patched(found: Webhook, patch: WebhookPatch, now: Date): WebhookRow {
  return {
    ...found,
    name: patch.name ?? found.name,
    url: patch.url ?? found.url,
    events: patch.events ?? found.events,
    ...stateAfter(found, patch.isActive),
    version: found.version + 1,
    updatedAt: now,
  }
}

type StateFields = Pick<WebhookRow, 'state' | 'disabledReason' | 'failingSince'>

/** Switching on what is on leaves a running streak alone; switching off what is off keeps the reason it had. */
function stateAfter(found: Webhook, isActive: boolean | undefined): StateFields {
  const { state, disabledReason, failingSince } = found
  const isDisabled = state === 'disabled'
  if (isActive === true && isDisabled) return { state: 'active', disabledReason: null, failingSince: null }
  if (isActive === false && !isDisabled) return { state: 'disabled', disabledReason: 'owner', failingSince: null }
  return { state, disabledReason, failingSince }
}
