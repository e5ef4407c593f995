import { backoffMs } from '../client/backoff.js'
import { type ClusterLink, brokerErrorType } from '../client/cluster-link.js'
import type { Cluster, FetchedMessage } from '../client/kafkajs.js'
import { pauseFor } from '../client/pause-for.js'
import { OutOfTime, within } from '../client/within.js'
import { type ConsumedRecord, consumedRecord } from '../consumer/consumed-record.js'
import type { KafkaConnection } from '../kafka-connection.js'
import type { KafkaLog } from '../kafka-settings.js'
import { SharedNext } from './shared-next.js'

/** The tail did not reach the topic's end in time: what it has applied may be older than the truth. */
export class TailLagging extends Error {
  constructor(topic: string, timeoutMs: number) {
    super(`the tail of ${topic} did not reach its end within ${timeoutMs} ms`)
    this.name = 'TailLagging'
  }
}

const PARTITION = 0
const REQUEST_TIMEOUT_MS = 2_000
/** How long the broker holds a fetch while nothing comes: two requests a second are what an idle tail costs. */
const MAX_WAIT_MS = 500
const MAX_FETCH_BYTES = 4 * 1024 * 1024
const LATEST = -1
const EARLIEST = -2
const READ_COMMITTED = 1
const MAX_BACKOFF_MS = 1_000

/**
 * Reads one single-partition topic to its end and goes on, in this process alone: no group, no committed offsets.
 * Records come in order; after a failure some may come again, so the reader must tell old from new by itself.
 */
export class TopicTail {
  private readonly link: ClusterLink
  private readonly closing = new AbortController()
  private readonly ends = new SharedNext(() => this.endOffset())
  /** The offset that comes next: everything below was handed to onRecord. */
  private position = 0
  private readonly waiting = new Set<{ offset: number; reached: () => void }>()
  private reading: Promise<void> | undefined

  constructor(
    connection: KafkaConnection,
    private readonly topic: string,
    private readonly onRecord: (record: ConsumedRecord) => void,
    private readonly log: KafkaLog,
  ) {
    this.link = connection.link(REQUEST_TIMEOUT_MS)
  }

  /** The offset that the topic's next record will have. One request. */
  endOffset(): Promise<number> {
    return this.offsetAt(LATEST)
  }

  /** Begins to read at `fromOffset`, in the background; goes on through every outage. */
  async start(fromOffset: number): Promise<void> {
    if (this.reading) throw new Error(`the tail of ${this.topic} was started before`)
    this.position = fromOffset
    this.reading = this.read()
  }

  /**
   * Resolves when everything that the topic held at this call was applied; rejects with TailLagging after `timeoutMs`.
   * Calls at the same time share one request for the end, always one sent after the call.
   */
  async caughtUp(timeoutMs: number): Promise<void> {
    try {
      await within(timeoutMs, 'reaching the end', this.reachEnd())
    } catch (error) {
      if (error instanceof OutOfTime) throw new TailLagging(this.topic, timeoutMs)
      throw error
    }
  }

  async close(): Promise<void> {
    this.closing.abort()
    this.link.close()
    await this.reading
  }

  private async reachEnd(): Promise<void> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.reached(await this.ends.get())
      } catch (error) {
        if (this.closing.signal.aborted) throw error
        await pauseFor(backoffMs(attempt, MAX_BACKOFF_MS), this.closing.signal)
      }
    }
  }

  private reached(offset: number): Promise<void> {
    if (this.position >= offset) return Promise.resolve()
    return new Promise((resolve) => this.waiting.add({ offset, reached: resolve }))
  }

  private async read(): Promise<void> {
    let attempt = 0
    while (!this.closing.signal.aborted) {
      try {
        this.apply(await this.fetch())
        attempt = 0
      } catch (error) {
        if (this.closing.signal.aborted) return
        if (attempt === 0)
          this.log.warn({ topic: this.topic, error: String(error) }, 'the tail cannot read; trying again')
        if (brokerErrorType(error) === 'OFFSET_OUT_OF_RANGE') await this.findPosition()
        await pauseFor(backoffMs(attempt++, MAX_BACKOFF_MS), this.closing.signal)
      }
    }
  }

  private apply(messages: FetchedMessage[]): void {
    for (const message of messages) {
      // A compressed or compacted batch may begin before the offset that was asked for.
      if (message.offset < this.position) continue
      if (!message.isControlRecord) this.onRecord(consumedRecord(this.topic, PARTITION, message))
      this.position = message.offset + 1
    }
    for (const waiter of this.waiting) {
      if (this.position < waiter.offset) continue
      this.waiting.delete(waiter)
      waiter.reached()
    }
  }

  private fetch(): Promise<FetchedMessage[]> {
    return this.link.run([this.topic], async (cluster) => {
      const partition = { partition: PARTITION, fetchOffset: String(this.position), maxBytes: MAX_FETCH_BYTES }
      const { responses } = await (
        await this.leader(cluster)
      ).fetch({
        maxWaitTime: MAX_WAIT_MS,
        minBytes: 1,
        maxBytes: MAX_FETCH_BYTES,
        isolationLevel: READ_COMMITTED,
        topics: [{ topic: this.topic, partitions: [partition] }],
      })
      return responses[0]?.partitions[0]?.messages ?? []
    })
  }

  /** Retention or a topic made anew took our place away: go on where the topic begins. */
  private async findPosition(): Promise<void> {
    try {
      const earliest = await this.offsetAt(EARLIEST)
      this.log.error({ topic: this.topic, was: this.position, now: earliest }, 'the tail lost its place in the topic')
      this.position = earliest
    } catch (error) {
      this.log.warn({ topic: this.topic, error: String(error) }, 'the topic does not tell where it begins')
    }
  }

  private offsetAt(timestamp: number): Promise<number> {
    return this.link.run([this.topic], async (cluster) => {
      const { responses } = await (
        await this.leader(cluster)
      ).listOffsets({
        replicaId: -1,
        isolationLevel: READ_COMMITTED,
        topics: [{ topic: this.topic, partitions: [{ partition: PARTITION, timestamp }] }],
      })
      const offset = responses[0]?.partitions[0]?.offset
      if (offset === undefined) throw new Error(`the broker did not tell the offset of ${this.topic}`)
      return Number(offset)
    })
  }

  private async leader(cluster: Cluster) {
    const partitions = cluster.findTopicPartitionMetadata(this.topic)
    if (partitions.length !== 1) throw new Error(`${this.topic} has ${partitions.length} partitions; a tail reads one`)
    const { leader } = partitions[0]!
    if (leader < 0) {
      await cluster.refreshMetadata()
      throw new Error(`${this.topic} has no leader`)
    }
    return cluster.findBroker({ nodeId: leader })
  }
}
