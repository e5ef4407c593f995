import type { EntityManager } from 'typeorm'
import type { Database } from '../database.js'
import { Webhook } from '../entities/webhook.js'
import { WebhookSecret } from '../entities/webhook-secret.js'
import { announceChange, forgetExpiredSecrets, takeConfigurationTurn } from './webhook-change.js'

/** Seals a secret anew. Null: it cannot be opened and stays as it is. */
export type Reseal = (webhookId: string, sealed: string) => string | null

export interface Resealed {
  secrets: number
  /** Webhooks of which a secret could not be opened. */
  unreadable: string[]
  /** Where the next batch goes on; null after the last one. */
  last: string | null
  /** The last change that this batch announced; null where there was none. */
  outboxId: number | null
}

/** Under which keys the secrets are sealed, and how they come under the newest. */
export class SealStore {
  constructor(private readonly database: Database) {}

  /** How many secrets each key seals, by its id; text that is no seal counts under the empty one. */
  async countByKey(): Promise<Map<string, number>> {
    const rows = await this.database.query<{ keyId: string; count: number }>(
      `select ${KEY_ID} as "keyId", count(*)::integer as count from webhook_secrets group by 1 order by 1`,
    )
    return new Map(rows.map(({ keyId, count }) => [keyId, count]))
  }

  /**
   * Seals the secrets of the next `limit` webhooks that have one under another key, and announces each webhook under
   * a new version: views take nothing else. All else stays as it is, its streak and `updated_at` included. Writers of
   * configuration wait meanwhile, so a rotation comes before or after and never in between.
   *
   * @param after the webhook that the batch before ended with; empty for the first
   */
  async reseal(newestKeyId: string, after: string, limit: number, reseal: Reseal): Promise<Resealed> {
    return this.database.ormTransaction(async (manager) => {
      await takeConfigurationTurn(manager)
      const ids = await webhooksUnderOtherKeys(manager, newestKeyId, after, limit)
      const batch: Resealed = { secrets: 0, unreadable: [], last: ids.at(-1) ?? null, outboxId: null }
      for (const id of ids) {
        const { changed, unreadable } = await resealSecretsOf(manager, id, newestKeyId, reseal)
        batch.secrets += changed
        if (unreadable) batch.unreadable.push(id)
        if (changed > 0) batch.outboxId = await announceNextVersion(manager, id)
      }
      return batch
    })
  }
}

/** The second of the four parts of a seal: `v1.<key id>.<iv>.<content>`. */
const KEY_ID = "split_part(sealed, '.', 2)"

async function webhooksUnderOtherKeys(
  manager: EntityManager,
  newestKeyId: string,
  after: string,
  limit: number,
): Promise<string[]> {
  const rows = await manager.query<{ id: string }[]>(
    `select distinct webhook_id as id from webhook_secrets
     where webhook_id > $1 and ${KEY_ID} <> $2 order by webhook_id limit $3`,
    [after, newestKeyId, limit],
  )
  return rows.map(({ id }) => id)
}

async function resealSecretsOf(manager: EntityManager, webhookId: string, newestKeyId: string, reseal: Reseal) {
  // What signs nothing any more is not carried over to another key.
  await forgetExpiredSecrets(manager, webhookId, new Date())
  let changed = 0
  let unreadable = false
  for (const { id, sealed } of await manager.findBy(WebhookSecret, { webhookId })) {
    if (sealed.split('.')[1] === newestKeyId) continue
    const resealed = reseal(webhookId, sealed)
    if (resealed === null) unreadable = true
    // Compared and set: whatever wrote this row since, by whatever hand, is not overwritten.
    else changed += (await manager.update(WebhookSecret, { id, sealed }, { sealed: resealed })).affected ?? 0
  }
  return { changed, unreadable }
}

async function announceNextVersion(manager: EntityManager, webhookId: string): Promise<number> {
  const webhook = await manager.findOneByOrFail(Webhook, { id: webhookId })
  webhook.version += 1
  await manager.update(Webhook, { id: webhookId }, { version: webhook.version })
  return announceChange(manager, webhook)
}
