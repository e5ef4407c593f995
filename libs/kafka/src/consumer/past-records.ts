import { type TopicPartition, partitionName } from '../topic-partition.js'

/**
 * Which records lay in partitions that were taken over without an offset: the broker lost it, or the group is new. What
 * of them was dealt with only others know.
 */
export class PastRecords {
  /** By partition, ms since the epoch; what was written later is no past. */
  private readonly takenOverAt = new Map<string, number>()

  get isEmpty(): boolean {
    return this.takenOverAt.size === 0
  }

  /** @param now ms since the epoch */
  takenOver(partitions: readonly TopicPartition[], now: number): void {
    for (const { topic, partition } of partitions) this.takenOverAt.set(partitionName({ topic, partition }), now)
  }

  /** @param record `timestamp` is that of the broker's append, ms since the epoch */
  has({ topic, partition, timestamp }: TopicPartition & { timestamp: number }): boolean {
    const takenOverAt = this.takenOverAt.get(partitionName({ topic, partition }))
    return takenOverAt !== undefined && timestamp < takenOverAt
  }
}
