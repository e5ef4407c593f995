import { backoffMs } from '../client/backoff.js'
import type { ClusterLink } from '../client/cluster-link.js'
import type { Broker, Cluster } from '../client/kafkajs.js'
import { pauseFor } from '../client/pause-for.js'
import { type ConsumedRecord, consumedRecord } from '../consumer/consumed-record.js'
import type { KafkaConnection } from '../kafka-connection.js'

/** A stretch of a partition: the offsets from `from` until before `end`. */
export interface LogSpan {
  topic: string
  partition: number
  from: number
  end: number
}

export interface LogReaderOptions {
  /** What is read and decoded at once, about. Default 4 MiB. */
  portionBytes?: number
  /** In a row, until a stretch is given up. Default 30, about a minute of a broker that is away. */
  mostFailures?: number
}

const REQUEST_TIMEOUT_MS = 5_000
const MAX_WAIT_MS = 500
const MAX_FETCH_BYTES = 4 * 1024 * 1024
const LATEST = -1
const EARLIEST = -2
const READ_COMMITTED = 1
const MOST_FAILURES = 30
const MAX_BACKOFF_MS = 2_000

/** Reads what lies in topics, from here to there and once: no group, no committed offsets, nothing left behind. */
export class LogReader {
  private readonly link: ClusterLink
  private readonly closing = new AbortController()

  constructor(
    connection: KafkaConnection,
    private readonly options: LogReaderOptions = {},
  ) {
    this.link = connection.link(REQUEST_TIMEOUT_MS)
  }

  /** What a topic holds now; with `since` (ms since the epoch) only what was appended at that time or later. */
  async spans(topic: string, since?: number): Promise<LogSpan[]> {
    const partitions = await this.asking([topic], async (cluster) =>
      cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId),
    )
    const spans = partitions.map(async (partition) => {
      // The end first: what is appended in between would otherwise lie before the beginning.
      const end = await this.offsetAt(topic, partition, LATEST)
      const from = await this.offsetAt(topic, partition, since ?? EARLIEST)
      return { topic, partition, from: from < 0 ? end : Math.min(from, end), end }
    })
    return (await Promise.all(spans)).sort((a, b) => a.partition - b.partition)
  }

  /**
   * Hands over every record of the stretch, in order and in portions, until `onRecords` answers false.
   * @throws when the broker stays away
   */
  async read(
    { topic, partition, from, end }: LogSpan,
    onRecords: (records: ConsumedRecord[]) => void | boolean,
  ): Promise<void> {
    const { portionBytes: maxBytes = MAX_FETCH_BYTES } = this.options
    for (let position = from; position < end;) {
      const messages = await this.askLeader(topic, partition, async (broker) => {
        const fetched = { partition, fetchOffset: String(position), maxBytes }
        const { responses } = await broker.fetch({
          maxWaitTime: MAX_WAIT_MS,
          minBytes: 1,
          maxBytes,
          isolationLevel: READ_COMMITTED,
          topics: [{ topic, partitions: [fetched] }],
        })
        return responses[0]?.partitions[0]?.messages ?? []
      })
      // A batch is sent whole: it may begin before what was asked for, and end beyond.
      const wanted = messages.filter(({ offset }) => offset >= position && offset < end)
      const records = wanted
        .filter((message) => !message.isControlRecord)
        .map((message) => consumedRecord(topic, partition, message))
      if (onRecords(records) === false) return
      position = Math.max(position, (messages.at(-1)?.offset ?? -1) + 1)
    }
  }

  /** The first offset that the partition still holds. */
  begin(topic: string, partition: number): Promise<number> {
    return this.offsetAt(topic, partition, EARLIEST)
  }

  close(): void {
    this.closing.abort()
    this.link.close()
  }

  private offsetAt(topic: string, partition: number, timestamp: number): Promise<number> {
    return this.askLeader(topic, partition, async (broker) => {
      const { responses } = await broker.listOffsets({
        replicaId: -1,
        isolationLevel: READ_COMMITTED,
        topics: [{ topic, partitions: [{ partition, timestamp }] }],
      })
      const offset = responses[0]?.partitions[0]?.offset
      if (offset === undefined) throw new Error(`the broker did not tell the offset of ${topic}/${partition}`)
      return Number(offset)
    })
  }

  private askLeader<T>(topic: string, partition: number, question: (leader: Broker) => Promise<T>): Promise<T> {
    return this.asking([topic], async (cluster) => {
      const leader = leaderOf(cluster, topic, partition)
      if (leader !== undefined) return question(await cluster.findBroker({ nodeId: leader }))
      await cluster.refreshMetadata()
      // Not an error in here: it would cost the others that read at the same time their connections.
      return undefined
    })
  }

  private async asking<T>(topics: string[], question: (cluster: Cluster) => Promise<T | undefined>): Promise<T> {
    const { mostFailures = MOST_FAILURES } = this.options
    for (let failures = 1; ; failures++) {
      try {
        const answer = await this.link.run(topics, question)
        if (answer !== undefined) return answer
        throw new Error(`a partition of ${topics.join(', ')} has no leader`)
      } catch (error) {
        if (failures >= mostFailures || this.closing.signal.aborted) throw error
        await pauseFor(backoffMs(failures, MAX_BACKOFF_MS), this.closing.signal)
      }
    }
  }
}

function leaderOf(cluster: Cluster, topic: string, partition: number): number | undefined {
  const leader = cluster.findTopicPartitionMetadata(topic).find(({ partitionId }) => partitionId === partition)?.leader
  return leader === undefined || leader < 0 ? undefined : leader
}
