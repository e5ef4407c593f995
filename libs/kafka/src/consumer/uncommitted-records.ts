import { type TopicPartition, partitionName } from '../topic-partition.js'
import type { RecordBatch } from './record-batch.js'

/**
 * Which records the owner before may have dealt with and not committed: of each partition that was taken over the first
 * ones, of those that it held then.
 */
export class UncommittedRecords {
  /** By partition, the offset before which they lie; undefined until its first batch has come. */
  private readonly until = new Map<string, number | undefined>()

  /** @param most of one partition: more than an owner has uncommitted, and less than a backlog after an outage */
  constructor(private readonly most: number) {}

  takenOver(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.until.set(partitionName(partition), undefined)
  }

  /** Call with every batch, before has(). @returns whether any of its records is one of them */
  isIn(batch: RecordBatch): boolean {
    const name = partitionName(batch)
    const first = batch.records[0]!.offset
    let until = this.until.get(name)
    if (until === undefined) {
      if (!this.until.has(name)) return false
      until = Math.min(batch.highWatermark, first + this.most)
      this.until.set(name, until)
    }
    return first < until
  }

  has(record: TopicPartition & { offset: number }): boolean {
    const until = this.until.get(partitionName(record))
    return until !== undefined && record.offset < until
  }
}
