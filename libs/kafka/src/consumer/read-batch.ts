import type { Batch } from 'kafkajs'
import type { FetchedMessage } from '../client/kafkajs.js'
import type { KafkaLog } from '../kafka-settings.js'
import { admitBatch } from './admit-batch.js'
import { type ConsumedRecord, consumedRecord } from './consumed-record.js'
import type { HeldPartition } from './held-partitions.js'
import { OffsetTracker } from './offset-tracker.js'

/** kafkajs' own batch knows more than its types say. */
type FetchedBatch = Batch & { fetchedOffset: string }

/**
 * Notes a fetched batch in the holding and returns its records that are to be handed out: none when it does not
 * continue what was delivered, in which case `seekBack` is called and the same offsets come again.
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
    case 'start-over':
      log.error({ topic, partition, expected: tracker.next, ...span }, 'the partition was made anew; reading its start')
      holding.tracker = new OffsetTracker(span.firstOffset)
      return deliver(holding.tracker, batch)
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
