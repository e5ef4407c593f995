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

/** For log lines. */
export function idsOf({ delivery }: Work) {
  const { id, eventId, eventType, webhookId, accountId, chain, attempt } = delivery
  return { deliveryId: id, eventId, eventType, webhookId, accountId, chain, attempt }
}
