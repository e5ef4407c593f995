import type { DisabledReason, EventType, WebhookState } from '#domain'
import type { EntityManager } from 'typeorm'
import type { Webhook } from '../entities/webhook.js'

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
  /** Set while a streak is running, and kept when it led to the disabling. */
  failingSince: Date | null
  version: number
  createdAt: Date
  updatedAt: Date
}

/** Webhooks as their owner sees them: their configuration, and what the log tells of their health. */
export async function withHealth(manager: EntityManager, webhooks: Webhook[]): Promise<WebhookRow[]> {
  if (webhooks.length === 0) return []
  const failing = await manager.query<{ webhook_id: string; failing_since: Date }[]>(
    'select webhook_id, failing_since from webhook_health where failing_since is not null and webhook_id = any($1)',
    [webhooks.map(({ id }) => id)],
  )
  const failingSince = new Map(failing.map((row) => [row.webhook_id, row.failing_since]))
  return webhooks.map((webhook) => rowOf(webhook, failingSince.get(webhook.id) ?? null))
}

/** The projector may write a row once more for an attempt that it learns of later; nobody looks at that one. */
export async function forgetHealth(manager: EntityManager, webhookId: string): Promise<void> {
  await manager.query('delete from webhook_health where webhook_id = $1', [webhookId])
}

function rowOf({ judgedFrom, ...webhook }: Webhook, failingSince: Date | null): WebhookRow {
  const isRunning = failingSince !== null && failingSince >= judgedFrom && webhook.disabledReason !== 'owner'
  return {
    ...webhook,
    state: isRunning && webhook.state === 'active' ? 'failing' : webhook.state,
    failingSince: isRunning ? failingSince : null,
  }
}
