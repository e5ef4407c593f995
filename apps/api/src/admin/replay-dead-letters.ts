import type { Delivery } from '#domain'
import { BatchingProducer, type ConsumedRecord } from '#kafka'
import { DeliveryLog } from '#postgres'
import { encodeDelivery, encodeFact } from '#topics'
import { deadLetterFrom, latestChains, nextChainOf, redeliveryRequested } from './dead-letter.js'
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
 * again does nothing, once the read model knows of those chains. The log is read twice, first for the ids alone, so
 * that a month of bodies never lies in memory.
 *
 * @param isWanted which dead letters
 */
export async function replayDeadLetters(
  access: KafkaAccess,
  isWanted: (record: ConsumedRecord) => boolean,
): Promise<ReplayOutcome> {
  const givenUp = new Map<string, number>()
  await readDeadLetters(access, (records) => latestChains(deliveriesIn(records.filter(isWanted)), givenUp))
  const due = await withoutLaterChains(access, givenUp)
  const outcome = { replayed: due.size, leftOut: givenUp.size - due.size }

  const producer = new BatchingProducer(access.connection, { idempotent: true, deadlineMs: 15_000 })
  await producer.start()
  try {
    await readDeadLetters(access, async (records) => {
      const deliveries = deliveriesIn(records).filter(({ id, chain }) => due.get(id) === chain && due.delete(id))
      await producer.send(deliveries.flatMap((delivery) => recordsFor(access, nextChainOf(delivery))))
    })
  } finally {
    await producer.close()
  }
  return outcome
}

function deliveriesIn(records: readonly ConsumedRecord[]): Delivery[] {
  return records.map((record) => deadLetterFrom(record).delivery).filter((delivery) => delivery !== null)
}

/** The read model knows of later chains, by an earlier replay or by a customer's own redelivery. */
function withoutLaterChains(access: KafkaAccess, givenUp: Map<string, number>): Promise<Map<string, number>> {
  return withDatabase(async (database) => {
    const log = new DeliveryLog(database)
    const due = new Map(givenUp)
    const ids = [...givenUp.keys()]
    for (let from = 0; from < ids.length; from += LOOK_UP) {
      for (const [id, chain] of await log.latestChains(ids.slice(from, from + LOOK_UP))) {
        if (chain > givenUp.get(id)!) due.delete(id)
      }
    }
    return due
  }, access.config.databaseUrl)
}

/** The fact first: what the read model does not know of would be replayed again. */
function recordsFor({ topics }: KafkaAccess, delivery: Delivery) {
  const fact = encodeFact(topics.deliveryLog, redeliveryRequested(delivery, Date.now()))
  return [fact, encodeDelivery(topics.deliveries, delivery)]
}
