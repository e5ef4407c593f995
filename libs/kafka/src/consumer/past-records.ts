import { type TopicPartition, partitionName } from '../topic-partition.js'

interface TakenOver {
  /** Ms since the epoch; what was written later is no past. */
  at: number
  /** Of what lies before this offset it is known by now. */
  knownUntil: number
}

/**
 * Which records lay in partitions that were taken over without an offset: the broker lost it, or the group is new. What
 * of them was dealt with only others know.
 */
export class PastRecords {
  private readonly partitions = new Map<string, TakenOver>()

  get isEmpty(): boolean {
    return this.partitions.size === 0
  }

  /** @param now ms since the epoch */
  takenOver(partitions: readonly TopicPartition[], now: number): void {
    for (const partition of partitions) this.partitions.set(partitionName(partition), { at: now, knownUntil: 0 })
  }

  /** Others hold them now, and deal with their records. Whoever takes them over again hears whether their past is known. */
  lost(partitions: readonly TopicPartition[]): void {
    for (const partition of partitions) this.partitions.delete(partitionName(partition))
  }

  /**
   * What was dealt with is known of this record and of all before it: they are no past when they come again, as those do
   * that were given back to the log. For as long as the partition is held.
   */
  known(record: TopicPartition & { offset: number }): void {
    const takenOver = this.partitions.get(partitionName(record))
    if (takenOver) takenOver.knownUntil = Math.max(takenOver.knownUntil, record.offset + 1)
  }

  /** @param record `timestamp` is that of the broker's append, ms since the epoch */
  has(record: TopicPartition & { offset: number; timestamp: number }): boolean {
    const takenOver = this.partitions.get(partitionName(record))
    return takenOver !== undefined && record.timestamp < takenOver.at && record.offset >= takenOver.knownUntil
  }
}
