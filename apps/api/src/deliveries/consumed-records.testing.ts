import type { Fact } from '#domain'
import { type ConsumedRecord, RecordBatch } from '#kafka'
import { type Message, encodeContextEvent, encodeFact } from '#topics'

export const ACCEPTED_AT = 1_705_329_900_000

/** A message as it comes back from the log. */
export function asConsumed(message: Message, place: Partial<ConsumedRecord> = {}): ConsumedRecord {
  const value = message.value === null ? null : Buffer.from(message.value)
  return { ...message, value, partition: 0, offset: 0, timestamp: ACCEPTED_AT, ...place }
}

export function aFactRecord(fact: Fact, place: Partial<ConsumedRecord> = {}): ConsumedRecord {
  return asConsumed(encodeFact('delivery-log', fact), place)
}

export function anEventRecord(id: string, body: string, place: Partial<ConsumedRecord> = {}): ConsumedRecord {
  return asConsumed(
    encodeContextEvent('context-events', { id, accountId: 'acc_1', type: 'context.updated', body }),
    place,
  )
}

/** A batch that notes which offsets were completed. */
export function aBatch(
  records: ConsumedRecord[],
  completed: number[] = [],
  end = (records.at(-1)?.offset ?? -1) + 1,
): RecordBatch {
  const [first] = records
  return new RecordBatch(first?.topic ?? 'delivery-log', first?.partition ?? 0, 1, records, end, {
    complete: (offset) => void completed.push(offset),
    isOwned: () => true,
    isHeld: () => true,
    isNamed: () => true,
  })
}
