import type { Batch } from 'kafkajs'
import type { FetchedMessage } from '../client/kafkajs.js'
import type { KafkaLog } from '../kafka-settings.js'
import { admitBatch } from './admit-batch.js'
import { type ConsumedRecord, consumedRecord } from './consumed-record.js'
import type { HeldPartition } from './held-partitions.js'
import type { OffsetTracker } from './offset-tracker.js'

/**
 * A partition is shorter than what was read of it: restored, or led by a replica that was behind. Its records have other
 * offsets now, and which of them are done nobody here can say. Whoever starts anew finds the committed offset beyond the
 * end, and asks before it does anything a second time.
 */
export class PartitionMadeAnew extends Error {
  constructor(topic: string, partition: number, expected: number, end: number) {
    super(`${topic}/${partition} ends at ${end}, and was read up to ${expected}: it was made anew`)
  }
}

/** kafkajs' own batch knows more than its types say. */
type FetchedBatch = Batch & { fetchedOffset: string }

/**
 * Notes a fetched batch in the holding and returns its records that are to be handed out: none when it does not
 * continue what was delivered, in which case `seekBack` is called and the same offsets come again.
 * @throws {PartitionMadeAnew}
 */
export function readBatch(holding: HeldPartition, batch: Batch, seekBack: () => void, log: KafkaLog): ConsumedRecord[] {
  const { topic, partition, tracker } = holding
  const first = batch.firstOffset()
  if (!tracker || first === null) return []
  const span = {
    fetchedOffset: Number((batch as FetchedBatch).fetchedOffset),
    firstOffset: Number(first),
    highWatermark: Number(batch.highWatermark),
  }
  holding.end = span.highWatermark
  const admission = admitBatch(tracker.next, span, holding.gap)
  switch (admission.kind) {
    case 'seek-back':
      log.warn({ topic, partition, ...admission.gap }, 'fetched past unread offsets; seeking back')
      holding.gap = admission.gap
      seekBack()
      return []
    case 'made-anew':
      throw new PartitionMadeAnew(topic, partition, tracker.next, span.highWatermark)
    case 'take':
      holding.gap = undefined
      return deliver(tracker, batch)
  }
}

function deliver(tracker: OffsetTracker, batch: Batch): ConsumedRecord[] {
  const records: ConsumedRecord[] = []
  // Our decoder's records, which kafkajs passes on as they are.
  for (const message of batch.messages as unknown as FetchedMessage[]) {
    if (tracker.deliver(message.offset)) records.push(consumedRecord(batch.topic, batch.partition, message))
  }
  tracker.skipTo(Number(batch.lastOffset()) + 1)
  return records
}
