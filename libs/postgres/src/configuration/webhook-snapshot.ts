import type { DeliverableWebhook, SealedSecret, SubscribedWebhook } from '#domain'
import type { Database } from '../database.js'
import { epochMs } from '../epoch-ms.js'

/** Everything that fan-out may read: no URL, no secret. Its database role is granted no more than these columns. */
const SUBSCRIBED = `
  select id, account_id as "accountId", version, events, state <> 'disabled' as "isActive",
         ${epochMs('created_at')} as "createdAt"
  from webhooks`

const URLS = 'select id, url from webhooks'

/** Secrets whose overlap is over are as good as gone. Newest first. */
const SECRETS = `
  select webhook_id as "webhookId", sealed, ${epochMs('expires_at')} as "expiresAt"
  from webhook_secrets
  where expires_at is null or expires_at > now()
  order by id desc`

/** All webhooks at once, from which the workers' views start before they tail `webhook-changes`. */
export class WebhookSnapshot {
  constructor(private readonly database: Database) {}

  /** For fan-out. */
  subscribed(): Promise<SubscribedWebhook[]> {
    return this.database.query<SubscribedWebhook>(SUBSCRIBED)
  }

  /** For the dispatcher. All from one moment, so that a webhook never meets another version's secrets. */
  async deliverable(): Promise<DeliverableWebhook[]> {
    return this.database.transaction(async (session) => {
      await session.query('set transaction isolation level repeatable read, read only')
      const webhooks = await session.query<SubscribedWebhook>(SUBSCRIBED)
      const urls = await session.query<{ id: string; url: string }>(URLS)
      const secrets = await session.query<SealedSecret & { webhookId: string }>(SECRETS)
      return joined(webhooks, urls, secrets)
    })
  }
}

function joined(
  webhooks: SubscribedWebhook[],
  urls: { id: string; url: string }[],
  secrets: (SealedSecret & { webhookId: string })[],
): DeliverableWebhook[] {
  const urlOf = new Map(urls.map(({ id, url }) => [id, url]))
  const secretsOf = new Map<string, SealedSecret[]>(webhooks.map(({ id }) => [id, []]))
  for (const { webhookId, sealed, expiresAt } of secrets) secretsOf.get(webhookId)?.push({ sealed, expiresAt })
  return webhooks.map((webhook) => ({
    ...webhook,
    url: urlOf.get(webhook.id)!,
    secrets: secretsOf.get(webhook.id)!,
  }))
}
