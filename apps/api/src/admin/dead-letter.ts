import { CHAIN_BEGINNING, type Delivery, type RedeliveryRequested } from '#domain'
import type { ConsumedRecord } from '#kafka'
import { UndecodableRecord, decodeDelivery } from '#topics'

/** A dead letter as it lies in its topic: a delivery given up, or a record that nobody could read. */
export interface DeadLetter {
  at: Date
  reason: string
  /** What was wrong with an undecodable record, and where it was. */
  problem?: string
  origin?: string
  delivery: Delivery | null
}

export function deadLetterFrom(record: ConsumedRecord): DeadLetter {
  const { headers, timestamp } = record
  const problem = headers['dead-letter-problem']
  const origin = headers['dead-letter-origin']
  return {
    at: new Date(timestamp),
    reason: headers['dead-letter-reason'] ?? 'unknown',
    ...(problem !== undefined && { problem }),
    ...(origin !== undefined && { origin }),
    delivery: deliveryIn(record),
  }
}

function deliveryIn(record: ConsumedRecord): Delivery | null {
  if (record.headers['dead-letter-reason'] === 'undecodable') return null
  try {
    return decodeDelivery(record)
  } catch (error) {
    if (error instanceof UndecodableRecord) return null
    throw error
  }
}

/** The delivery from its beginning, as the next chain: attempt 1, with no memory of the chain that was given up. */
export function nextChainOf(delivery: Delivery): Delivery {
  return {
    ...delivery,
    trigger: 'redelivery',
    chain: delivery.chain + 1,
    ...CHAIN_BEGINNING,
  }
}

/** The fact that a person asked for this chain. @param at ms since the epoch */
export function redeliveryRequested(delivery: Delivery, at: number): RedeliveryRequested {
  const { id: deliveryId, eventId, eventType, accountId, webhookId, trigger, chain, acceptedAt } = delivery
  return {
    kind: 'redelivery_requested',
    delivery: { deliveryId, eventId, eventType, accountId, webhookId, trigger, chain, acceptedAt },
    at,
  }
}

/**
 * Notes for each delivery, as `id/acceptedAt`, its latest chain that was given up: that is the one to replay. Days later
 * another event may have come under the same id.
 */
export function latestChains(
  deliveries: Iterable<Pick<Delivery, 'id' | 'acceptedAt' | 'chain'>>,
  into: Map<string, number>,
): void {
  for (const delivery of deliveries) {
    const { chain } = delivery
    const key = keyOf(delivery)
    into.set(key, Math.max(chain, into.get(key) ?? chain))
  }
}

export function keyOf({ id, acceptedAt }: Pick<Delivery, 'id' | 'acceptedAt'>): string {
  return `${id}/${acceptedAt}`
}

/** What `keyOf` made a key of. */
export function deliveryOf(key: string): Pick<Delivery, 'id' | 'acceptedAt'> {
  const [id, acceptedAt] = key.split('/') as [string, string]
  return { id, acceptedAt: Number(acceptedAt) }
}
