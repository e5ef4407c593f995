import type { Delivery } from '#domain'
import { BatchingProducer, type ConsumedRecord } from '#kafka'
import { type Database, DeliveryLog, RedeliveryStore } from '#postgres'
import { RedeliveryLog } from '../redeliveries/redelivery-log.js'
import { requestedChainOf } from '../redeliveries/requested-redelivery.js'
import { deadLetterFrom, latestChains, nextChainOf } from './dead-letter.js'
import { readDeadLetters } from './read-dead-letters.js'
import { withDatabase } from './with-database.js'
import type { KafkaAccess } from './with-kafka.js'

export interface ReplayOutcome {
  replayed: number
  /** Replayed before, or redelivered since. */
  leftOut: number
}

/** Deliveries asked about at once. */
const LOOK_UP = 5_000

/**
 * Puts deliveries that were given up back into `deliveries`, each as the first attempt of its next chain. Running it
 * again does nothing, however soon: each chain is taken in Postgres before it is sent, and what a crash leaves there is
 * sent by the API. The log is read twice, first for the ids alone, so that a month of bodies never lies in memory.
 *
 * @param isWanted which dead letters
 */
export async function replayDeadLetters(
  access: KafkaAccess,
  isWanted: (record: ConsumedRecord) => boolean,
): Promise<ReplayOutcome> {
  const givenUp = new Map<string, number>()
  await readDeadLetters(access, (records) => latestChains(deliveriesIn(records.filter(isWanted)), givenUp))
  const producer = new BatchingProducer(access.connection, { idempotent: true, deadlineMs: 15_000 })
  await producer.start()
  try {
    const replayed = await withDatabase(
      (database) => replay(access, database, new RedeliveryLog(producer, access.topics), givenUp),
      access.config.databaseUrl,
    )
    return { replayed, leftOut: givenUp.size - replayed }
  } finally {
    await producer.close()
  }
}

async function replay(
  access: KafkaAccess,
  database: Database,
  log: RedeliveryLog,
  givenUp: Map<string, number>,
): Promise<number> {
  const due = await withoutLaterChains(database, givenUp)
  const store = new RedeliveryStore(database)
  let replayed = 0
  await readDeadLetters(access, async (records) => {
    const deliveries = deliveriesIn(records).filter(({ id, chain }) => due.get(id) === chain && due.delete(id))
    const now = Date.now()
    const claimed = await store.claim(deliveries.map((delivery) => requestedChainOf(nextChainOf(delivery), now)))
    await log.write(claimed)
    for (const chain of claimed) await store.sent(chain)
    replayed += claimed.length
  })
  return replayed
}

function deliveriesIn(records: readonly ConsumedRecord[]): Delivery[] {
  return records.map((record) => deadLetterFrom(record).delivery).filter((delivery) => delivery !== null)
}

/** The read model knows of later chains, by an earlier replay or by a customer's own redelivery. */
async function withoutLaterChains(database: Database, givenUp: Map<string, number>): Promise<Map<string, number>> {
  const log = new DeliveryLog(database)
  const due = new Map(givenUp)
  const ids = [...givenUp.keys()]
  for (let from = 0; from < ids.length; from += LOOK_UP) {
    for (const [id, chain] of await log.latestChains(ids.slice(from, from + LOOK_UP))) {
      if (chain > givenUp.get(id)!) due.delete(id)
    }
  }
  return due
}
