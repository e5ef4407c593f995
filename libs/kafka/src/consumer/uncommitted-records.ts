import { type TopicPartition, partitionName } from '../topic-partition.js'
import type { RecordBatch } from './record-batch.js'

interface TakenOver {
  /** Offsets before it; set by the first batch to the partition's end. */
  until: number | undefined
  found: number
}

/**
 * Which records the owner before may have dealt with and not committed: of each partition that was taken over those that
 * it held then and that come, up to a number.
 */
export class UncommittedRecords {
  private readonly partitions = new Map<string, TakenOver>()

  /** @param most of one partition: more than an owner has uncommitted, and less than a backlog after an outage */
  constructor(private readonly most: number) {}

  takenOver(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.partitions.set(partitionName(partition), { until: undefined, found: 0 })
  }

  /** Takes note of what has come; call with every batch, before has(). @returns whether any of its records is one of them */
  note({ topic, partition, records, highWatermark }: RecordBatch): boolean {
    const taken = this.partitions.get(partitionName({ topic, partition }))
    if (!taken) return false
    taken.until ??= highWatermark
    if (records[0]!.offset >= taken.until) return false
    taken.found += records.length
    if (taken.found >= this.most) taken.until = Math.min(taken.until, records.at(-1)!.offset + 1)
    return true
  }

  has(record: TopicPartition & { offset: number }): boolean {
    const until = this.partitions.get(partitionName(record))?.until
    return until !== undefined && record.offset < until
  }
}
