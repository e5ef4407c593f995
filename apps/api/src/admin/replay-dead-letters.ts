import type { Delivery } from '#domain'
import { BatchingProducer, type ConsumedRecord } from '#kafka'
import { type Database, DeliveryLog, RedeliveryStore, WebhookSnapshot, oneOfEach } from '#postgres'
import { RedeliveryLog } from '../redeliveries/redelivery-log.js'
import { requestedChainOf } from '../redeliveries/requested-redelivery.js'
import { CallableWebhooks, type NotCallable, assertExists } from './callable-webhooks.js'
import { deadLetterFrom, deliveryOf, keyOf, latestChains, nextChainOf } from './dead-letter.js'
import { laterChains } from './later-chains.js'
import { readDeadLetters } from './read-dead-letters.js'
import { withDatabase } from './with-database.js'
import type { KafkaAccess } from './with-kafka.js'

export interface ReplayOutcome {
  replayed: number
  /** By reason. Those of a webhook that is not called keep their turn: they can be replayed when it is. */
  leftOut: Record<'replayed_before' | 'no_longer_kept' | NotCallable, number>
}

/**
 * Puts deliveries that were given up back into `deliveries`, each as the first attempt of its next chain. Running it
 * again does nothing, however soon: each chain is taken in Postgres before it is sent, and what a crash leaves there is
 * sent by the API. The log is read twice, first for the ids alone, so that a month of bodies never lies in memory.
 *
 * The topic may hold letters for longer than anybody knows what became of them: those would be sent each time, although
 * they were replayed and delivered, and are left out.
 *
 * @param webhook whose dead letters; all where it is undefined
 * @throws Error when there is no such webhook
 */
export async function replayDeadLetters(access: KafkaAccess, webhook: string | undefined): Promise<ReplayOutcome> {
  const isWanted = ({ key }: ConsumedRecord) => webhook === undefined || key === webhook
  const givenUp = new Map<string, number>()
  await readDeadLetters(access, (records) => latestChains(deliveriesIn(records.filter(isWanted)), givenUp))
  const producer = new BatchingProducer(access.connection, { idempotent: true, deadlineMs: 15_000 })
  await producer.start()
  try {
    return await withDatabase(async (database) => {
      const webhooks = new CallableWebhooks(new WebhookSnapshot(database))
      if (webhook !== undefined && givenUp.size === 0) await assertExists(webhook, webhooks)
      return replay(access, database, new RedeliveryLog(producer, access.topics), webhooks, givenUp)
    }, access.config.databaseUrl)
  } finally {
    await producer.close()
  }
}

async function replay(
  access: KafkaAccess,
  database: Database,
  log: RedeliveryLog,
  webhooks: CallableWebhooks,
  givenUp: Map<string, number>,
): Promise<ReplayOutcome> {
  const keptSince = Date.now() - access.config.topics.deliveryRetentionMs
  const kept = new Map([...givenUp].filter(([key]) => deliveryOf(key).acceptedAt >= keptSince))
  const later = await laterChains(new DeliveryLog(database), kept)
  const due = new Map([...kept].filter(([key]) => !later.has(key)))
  const store = new RedeliveryStore(database)
  const leftOut = {
    replayed_before: later.size,
    no_longer_kept: givenUp.size - kept.size,
    webhook_disabled: 0,
    webhook_deleted: 0,
  }
  let replayed = 0
  await readDeadLetters(access, async (records) => {
    const deliveries = deliveriesIn(records).filter(
      (delivery) => due.get(keyOf(delivery)) === delivery.chain && due.delete(keyOf(delivery)),
    )
    if (deliveries.length === 0) return
    await webhooks.look()
    const callable = deliveries.filter(({ webhookId }) => {
      const reason = webhooks.whyNot(webhookId)
      if (reason) leftOut[reason]++
      return !reason
    })
    const now = Date.now()
    // Two events under one id have one row in Postgres: the second is asked for when the first is sent.
    for (const round of oneOfEach(callable, ({ id }) => id)) {
      const claimed = await store.claim(round.map((delivery) => requestedChainOf(nextChainOf(delivery), now)))
      await log.write(claimed)
      for (const chain of claimed) await store.sent(chain)
      replayed += claimed.length
      leftOut.replayed_before += round.length - claimed.length
    }
  })
  return { replayed, leftOut }
}

function deliveriesIn(records: readonly ConsumedRecord[]): Delivery[] {
  return records.map((record) => deadLetterFrom(record).delivery).filter((delivery) => delivery !== null)
}
