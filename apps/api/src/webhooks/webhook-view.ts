import type { z } from 'zod'
import type { WebhookRow } from '#postgres'
import type { createdWebhook, webhookAnswer } from './webhook-schemas.js'

/** The answer to a creation: the guide's fields in the guide's order, and no other. */
export function createdWebhookView(row: WebhookRow, secret: string): z.infer<typeof createdWebhook> {
  const { id, name, url, events } = row
  return { id, name, url, events, secret, is_active: isActive(row), created_at: row.createdAt.toISOString() }
}

export function webhookView(row: WebhookRow): z.infer<typeof webhookAnswer> {
  return {
    id: row.id,
    name: row.name,
    url: row.url,
    events: row.events,
    is_active: isActive(row),
    state: row.state,
    disabled_reason: row.disabledReason,
    failing_since: row.failingSince?.toISOString() ?? null,
    created_at: row.createdAt.toISOString(),
    updated_at: row.updatedAt.toISOString(),
  }
}

/** A failing webhook is called like any other: only a disabled one is not. */
function isActive(row: WebhookRow): boolean {
  return row.state !== 'disabled'
}
