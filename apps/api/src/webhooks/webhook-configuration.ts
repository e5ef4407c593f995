import { Inject, Injectable } from '@nestjs/common'
import { newId } from '#domain'
import { TooManyWebhooks, type WebhookRow, WebhookStore } from '#postgres'
import { type KeyRing, createSecret, sealSecret } from '#signing'
import { LOGGER, type Logger } from '#telemetry'
import { Problem } from '../http/problem.js'
import { KEY_RING } from '../infrastructure/injection-tokens.js'
import { Notifications } from '../notifications/notifications.js'
import { OutboxRelay } from './outbox-relay.js'
import type { CreateWebhookRequest, UpdateWebhookRequest } from './webhook-schemas.js'

/** How long a write waits for the log before it is answered 503. Ms. */
const CONFIRM_WITHIN_MS = 3_000

/**
 * Changes of webhooks, answered only when the log that the workers follow has them: what a caller was told is what
 * the next event meets.
 */
@Injectable()
export class WebhookConfiguration {
  constructor(
    private readonly store: WebhookStore,
    private readonly relay: OutboxRelay,
    private readonly notifications: Notifications,
    @Inject(KEY_RING) private readonly keyRing: KeyRing,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** @throws {Problem} 409 when the account has its hundred, 503 when the log did not confirm: nothing was created */
  async create(accountId: string, request: CreateWebhookRequest): Promise<{ webhook: WebhookRow; secret: string }> {
    const deadline = Date.now() + CONFIRM_WITHIN_MS
    const id = newId('whk')
    const secret = createSecret()
    const sealedSecret = sealSecret(this.keyRing, secret, id)
    const created = await this.store.create(accountId, { id, ...request, sealedSecret }).catch(refuseTooMany)
    if (!(await this.relay.isConfirmed(created.outboxId, deadline))) {
      await this.#undo(accountId, id)
      throw unconfirmed('The webhook was not created: its configuration could not be handed on in time.')
    }
    return { webhook: created.webhook, secret }
  }

  /** @returns null when the account has no such webhook. @throws {Problem} 503: the change stands and will be applied */
  async update(accountId: string, id: string, request: UpdateWebhookRequest): Promise<WebhookRow | null> {
    const deadline = Date.now() + CONFIRM_WITHIN_MS
    const { name, url, events, is_active: isActive } = request
    const updated = await this.store.update(accountId, id, {
      ...(name !== undefined && { name }),
      ...(url !== undefined && { url }),
      ...(events !== undefined && { events }),
      ...(isActive !== undefined && { isActive }),
    })
    if (!updated) return null
    if (isActive !== undefined) this.notifications.wake()
    await this.#confirm(updated.outboxId, deadline)
    return updated.webhook
  }

  /** @returns whether there was one. @throws {Problem} 503: it is gone and deliveries will stop */
  async remove(accountId: string, id: string): Promise<boolean> {
    const deadline = Date.now() + CONFIRM_WITHIN_MS
    const removed = await this.store.remove(accountId, id)
    if (!removed) return false
    await this.#confirm(removed.outboxId, deadline)
    return true
  }

  async #confirm(outboxId: number, deadline: number): Promise<void> {
    if (await this.relay.isConfirmed(outboxId, deadline)) return
    throw unconfirmed('The change is stored and will be applied, but not yet: the workers could not be told in time.')
  }

  /**
   * Nobody was told the secret, so nobody could use the webhook. Should this fail as well (Postgres gone in between,
   * or this process killed), it stays: the owner finds it in the list and can delete it.
   */
  async #undo(accountId: string, id: string): Promise<void> {
    try {
      await this.store.remove(accountId, id)
    } catch (error) {
      this.logger.error({ err: error, webhook_id: id }, 'an unconfirmed webhook could not be removed again')
    }
  }
}

function refuseTooMany(error: unknown): never {
  if (!(error instanceof TooManyWebhooks)) throw error
  throw new Problem(409, 'Too many webhooks', 'The account has 100 webhooks, which is the most: delete one first.')
}

function unconfirmed(detail: string): Problem {
  return new Problem(503, 'Service Unavailable', detail, { headers: { 'retry-after': '1' } })
}
