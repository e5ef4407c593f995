import { type TopicPartition, partitionName } from '../topic-partition.js'

/** The part of kafkajs' consumer that pauses. */
export interface Pausable {
  pause(topics: { topic: string; partitions: number[] }[]): void
  resume(topics: { topic: string; partitions: number[] }[]): void
  paused(): { topic: string; partitions: number[] }[]
}

/** A partition is paused while anybody has a reason for it, or for all of them. */
export class PartitionPauses {
  private readonly reasons = new Map<string, Set<string>>()
  private readonly reasonsForAll = new Set<string>()

  constructor(private readonly consumer: Pausable) {}

  pause({ topic, partition }: TopicPartition, reason: string): void {
    const name = partitionName({ topic, partition })
    const reasons = this.reasons.get(name) ?? new Set()
    this.reasons.set(name, reasons.add(reason))
    if (reasons.size === 1) this.tell('pause', topic, partition)
  }

  resume({ topic, partition }: TopicPartition, reason: string): void {
    const name = partitionName({ topic, partition })
    const reasons = this.reasons.get(name)
    if (!reasons?.delete(reason) || reasons.size > 0) return
    this.reasons.delete(name)
    if (this.reasonsForAll.size === 0) this.tell('resume', topic, partition)
  }

  isPaused({ topic, partition }: TopicPartition): boolean {
    return this.reasonsForAll.size > 0 || this.reasons.has(partitionName({ topic, partition }))
  }

  /** Also what will be held later is paused, until the reason is resumed. */
  pauseAll(held: readonly TopicPartition[], reason: string): void {
    this.reasonsForAll.add(reason)
    for (const { topic, partition } of held) this.tell('pause', topic, partition)
  }

  resumeAll(held: readonly TopicPartition[], reason: string): void {
    if (!this.reasonsForAll.delete(reason)) return
    for (const one of held) if (!this.isPaused(one)) this.tell('resume', one.topic, one.partition)
  }

  /** Reasons end with the holding; what else kafkajs still has paused from before is released, what we have is repeated. */
  afterJoin(held: readonly TopicPartition[], lost: readonly TopicPartition[]): void {
    this.forget(lost)
    for (const { topic, partitions } of this.consumer.paused()) {
      for (const partition of partitions) this.tell('resume', topic, partition)
    }
    for (const one of held) if (this.isPaused(one)) this.tell('pause', one.topic, one.partition)
  }

  /** What was held is held no more, and whoever had a reason has dropped what it was about. */
  forget(lost: readonly TopicPartition[]): void {
    for (const { topic, partition } of lost) this.reasons.delete(partitionName({ topic, partition }))
  }

  /** kafkajs throws while it restarts after a crash; the next join repeats what should be paused. */
  private tell(action: 'pause' | 'resume', topic: string, partition: number): void {
    try {
      this.consumer[action]([{ topic, partitions: [partition] }])
    } catch {
      return
    }
  }
}
