import { partitionOfKey } from '../codec/murmur2.js'
import { type TopicPartition, partitionName } from '../topic-partition.js'
import { bytesOf, type QueuedRecord } from './outgoing-record.js'

/** Records for one partition that go in one batch. */
export interface Chunk extends TopicPartition {
  records: QueuedRecord[]
}

interface PartitionQueue extends TopicPartition {
  records: QueuedRecord[]
  head: number
}

/** What waits to be written, in order per partition. Records of a topic whose partitions are unknown wait unplaced. */
export class RecordQueue {
  bytes = 0
  private readonly unplaced = new Map<string, QueuedRecord[]>()
  private readonly partitions = new Map<string, PartitionQueue>()
  private readonly counts = new Map<string, number>()
  private keyless = 0

  get isEmpty(): boolean {
    return this.partitions.size === 0 && this.unplaced.size === 0
  }

  /** Records go one by one, to find the one that is refused. */
  get isSearching(): boolean {
    for (const { records, head } of this.partitions.values()) if (records[head]?.alone) return true
    return false
  }

  add(record: QueuedRecord): void {
    this.bytes += bytesOf(record)
    const count = this.counts.get(record.topic)
    if (count !== undefined) return this.place(record, count)
    const waiting = this.unplaced.get(record.topic)
    if (waiting) waiting.push(record)
    else this.unplaced.set(record.topic, [record])
  }

  /** Topics whose number of partitions must be looked up before their records can go. */
  unplacedTopics(): string[] {
    return [...this.unplaced.keys()]
  }

  placedTopics(): string[] {
    return [...this.partitions.values()].map(({ topic }) => topic)
  }

  /** The topic has this many partitions; its records take their places. */
  learnCount(topic: string, count: number): void {
    this.counts.set(topic, count)
    for (const record of this.unplaced.get(topic) ?? []) this.place(record, count)
    this.unplaced.delete(topic)
  }

  /** A topic may have been deleted or made anew: counts are looked up again for records that come from now on. */
  forgetCounts(): void {
    this.counts.clear()
  }

  /**
   * Takes what fits in one request: per partition at most `partitionBytes`, in all about `requestBytes`, and nothing
   * for the partitions in `busy`, whose earlier batch is not settled. Settled sends' records are left out.
   */
  take(partitionBytes: number, requestBytes: number, busy: ReadonlySet<string>): Chunk[] {
    const chunks: Chunk[] = []
    let total = 0
    for (const [name, queue] of [...this.partitions]) {
      if (busy.has(name)) continue
      if (total >= requestBytes) break
      const records = takeFrom(queue, partitionBytes)
      // Behind the others, so that a full request does not always leave out the same partitions.
      this.partitions.delete(name)
      if (queue.head < queue.records.length) this.partitions.set(name, queue)
      // The map's old tables keep the queue alive for long (see SlotSet): then without the records.
      else queue.records = []
      const alive = records.filter((record) => this.isAlive(record))
      for (const record of alive) total += bytesOf(record)
      if (alive.length > 0) chunks.push({ topic: queue.topic, partition: queue.partition, records: alive })
    }
    return chunks
  }

  /** Puts records back before all others of their partition, each to go alone. */
  putBackAlone(chunk: Chunk): void {
    const name = partitionName(chunk)
    const queue = this.partitions.get(name)
    const rest = queue ? queue.records.slice(queue.head) : []
    const records = [...chunk.records.map((record) => ({ ...record, alone: true })), ...rest]
    this.partitions.set(name, { topic: chunk.topic, partition: chunk.partition, records, head: 0 })
  }

  /** The record left this process, one way or the other. */
  release(record: QueuedRecord): void {
    this.bytes -= bytesOf(record)
  }

  /** Frees the room of the oldest records whose send was settled meanwhile (by its deadline). */
  dropSettled(): void {
    for (const [topic, records] of this.unplaced) {
      const alive = records.filter((record) => this.isAlive(record))
      if (alive.length > 0) this.unplaced.set(topic, alive)
      else this.unplaced.delete(topic)
    }
    for (const [name, queue] of this.partitions) {
      while (queue.head < queue.records.length && !this.isAlive(queue.records[queue.head]!)) queue.head++
      if (queue.head === queue.records.length) this.partitions.delete(name)
    }
  }

  private isAlive(record: QueuedRecord): boolean {
    if (record.send.settled) this.release(record)
    return !record.send.settled
  }

  /** The place is chosen once: a repeat to another partition would defeat the broker's check against repeats. */
  private place(record: QueuedRecord, count: number): void {
    const partition = record.partition ?? (record.key ? partitionOfKey(record.key, count) : this.keyless++ % count)
    const name = partitionName({ topic: record.topic, partition })
    const queue = this.partitions.get(name)
    if (queue) queue.records.push(record)
    else this.partitions.set(name, { topic: record.topic, partition, records: [record], head: 0 })
  }
}

function takeFrom(queue: PartitionQueue, maxBytes: number): QueuedRecord[] {
  const start = queue.head
  let bytes = 0
  while (queue.head < queue.records.length) {
    const record = queue.records[queue.head]!
    bytes += bytesOf(record)
    const isFirst = queue.head === start
    if (!isFirst && (bytes > maxBytes || record.alone)) break
    queue.head++
    if (record.alone) break
  }
  const taken = queue.records.slice(start, queue.head)
  // The taken front is cut off only now and then, or a long queue would be copied for every request.
  if (queue.head > 1_000 && queue.head * 2 > queue.records.length) {
    queue.records = queue.records.slice(queue.head)
    queue.head = 0
  }
  return taken
}
