import { RetrySchedule } from '#domain'
import { type Message, TopicMap } from '#topics'
import type { DecodedRecord } from '../../../../libs/kafka/src/codec/decode-record-batch.js'

/** Seconds where production has minutes, so that a chain is through its attempts within a short day. */
export const schedule = RetrySchedule.parse('2s,4s,8s,20s,40s')
export const topics = new TopicMap({
  prefix: '',
  schedule,
  deliveryMaxAgeMs: 90_000,
  deliveryRetentionMs: 1,
  eventRetentionMs: 1,
})
/** A tier that an earlier schedule had. */
export const LEFT_BEHIND = 'deliveries.retry-3s'
export const CONSUMED = [topics.deliveries, ...topics.tiers, LEFT_BEHIND, topics.replay]
export const PARTITIONS = [0, 1, 2]

/** Where every record of a webhook lies, whatever the topic. */
export function partitionOf(webhookId: string): number {
  return [...webhookId].reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % PARTITIONS.length
}

/** What the brokers keep: the records, and the group's offsets. */
export class PretendLog {
  readonly committed = new Map<string, { offset: string; metadata: string }>()
  readonly #records = new Map<string, DecodedRecord[]>()

  append({ topic, key, value, headers }: Message): void {
    const records = this.#partition(topic, partitionOf(key))
    records.push({
      offset: records.length,
      timestamp: Date.now(),
      key,
      value: value === null ? null : Buffer.from(value),
      headers: { ...headers },
      isControlRecord: false,
      batchContext: { producerId: '', inTransaction: false },
    })
  }

  read(topic: string, partition: number, from: number, end = Infinity): DecodedRecord[] {
    return this.#partition(topic, partition).slice(from, end)
  }

  end(topic: string, partition: number): number {
    return this.#partition(topic, partition).length
  }

  committedOffset(topic: string, partition: number): number {
    return Number(this.committed.get(`${topic}/${partition}`)?.offset ?? 0)
  }

  /** Consumed partitions of which not all is committed. */
  unfinished(): { name: string; committed: number; end: number }[] {
    return CONSUMED.flatMap((topic) =>
      PARTITIONS.map((partition) => ({
        name: `${topic}/${partition}`,
        committed: this.committedOffset(topic, partition),
        end: this.end(topic, partition),
      })),
    ).filter(({ committed, end }) => committed !== end)
  }

  #partition(topic: string, partition: number): DecodedRecord[] {
    const name = `${topic}/${partition}`
    let records = this.#records.get(name)
    if (!records) this.#records.set(name, (records = []))
    return records
  }
}
