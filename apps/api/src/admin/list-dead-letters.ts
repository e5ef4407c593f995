import { DatabaseUnavailable, DeliveryLog, WebhookSnapshot } from '#postgres'
import { CallableWebhooks, assertExists } from './callable-webhooks.js'
import { type DeadLetter, deadLetterFrom, keyOf } from './dead-letter.js'
import { laterChains } from './later-chains.js'
import { readDeadLetters } from './read-dead-letters.js'
import { withDatabase } from './with-database.js'
import type { KafkaAccess } from './with-kafka.js'

export interface ListedLetter extends DeadLetter {
  /**
   * The latest chain of a replay or redelivery since, if any. Undefined: not known, since Postgres is away, or deliveries
   * are not kept for so long.
   */
  laterChain?: number | null | undefined
}

/**
 * The newest dead letters, newest first.
 *
 * @param webhook whose; all where it is undefined
 * @throws Error when there is no such webhook
 */
export async function listDeadLetters(
  access: KafkaAccess,
  webhook: string | undefined,
  limit: number,
): Promise<ListedLetter[]> {
  return withLaterChains(access, webhook, await newestLetters(access, webhook, limit))
}

/** The topic may hold a month of them: what will not be shown does not stay in memory. */
async function newestLetters(access: KafkaAccess, webhook: string | undefined, limit: number): Promise<DeadLetter[]> {
  let newest: DeadLetter[] = []
  await readDeadLetters(access, (records) => {
    const letters = records.filter(({ key }) => webhook === undefined || key === webhook).map(deadLetterFrom)
    newest = [...newest, ...letters].sort((a, b) => b.at.getTime() - a.at.getTime()).slice(0, limit)
  })
  return newest
}

async function withLaterChains(
  access: KafkaAccess,
  webhook: string | undefined,
  letters: DeadLetter[],
): Promise<ListedLetter[]> {
  const oldest = new Map<string, number>()
  for (const { delivery } of letters) {
    if (!delivery) continue
    const key = keyOf(delivery)
    oldest.set(key, Math.min(delivery.chain, oldest.get(key) ?? delivery.chain))
  }
  try {
    return await withDatabase(async (database) => {
      const nobodyKnows = webhook !== undefined && letters.length === 0
      if (nobodyKnows) await assertExists(webhook, new CallableWebhooks(new WebhookSnapshot(database)))
      const later = await laterChains(new DeliveryLog(database), oldest)
      const keptSince = Date.now() - access.config.topics.deliveryRetentionMs
      return letters.map((letter) => ({ ...letter, laterChain: laterThan(letter, later, keptSince) }))
    }, access.config.databaseUrl)
  } catch (error) {
    if (!(error instanceof DatabaseUnavailable)) throw error
    process.stderr.write(`warning: which were replayed or redelivered since is not known: ${error.message}\n`)
    return letters
  }
}

/** @param keptSince what was accepted then or later is kept, ms since the epoch */
function laterThan(
  { delivery }: DeadLetter,
  latest: Map<string, number>,
  keptSince: number,
): number | null | undefined {
  if (!delivery) return null
  const chain = latest.get(keyOf(delivery))
  if (chain !== undefined && chain > delivery.chain) return chain
  return delivery.acceptedAt < keptSince ? undefined : null
}
