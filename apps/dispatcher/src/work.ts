import type { Delivery } from '#domain'
import type { ConsumedRecord, RecordBatch } from '#kafka'

/** A delivery in this process's hands, with the record that it must complete exactly once. */
export interface Work {
  delivery: Delivery
  record: ConsumedRecord
  batch: RecordBatch
}

/** What it costs to hold, bytes: the body and an estimate of the rest. */
export function heldBytes(work: Work): number {
  return work.delivery.body.length + 1_024
}

/** Straight from the topic of replays. Its retries come back through the tiers, like everybody's. */
export function isReplay(work: Work): boolean {
  return work.delivery.trigger === 'replay' && !isReturning(work)
}

/** Back from a tier: a retry, or put off before. */
export function isReturning({ delivery }: Work): boolean {
  return delivery.notBefore !== null
}

/** For log lines. */
export function idsOf({ delivery }: Work) {
  const { id, eventId, eventType, webhookId, accountId, chain, attempt } = delivery
  return { deliveryId: id, eventId, eventType, webhookId, accountId, chain, attempt }
}
