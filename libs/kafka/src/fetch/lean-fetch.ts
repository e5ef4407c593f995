import { lookUpLeaders } from '../client/look-up-leaders.js'
import type { OwnAssigner } from '../client/own-assigner.js'
import { pauseFor } from '../client/pause-for.js'
import { rotated } from '../client/rotated.js'
import {
  type CompressedDecoder,
  type FetchAnswer,
  type FetchedPartition,
  fetchRequest,
  fetchResponse,
  type TopicRequest,
} from './fetch-exchange.js'
import { FetchedBatch } from './fetched-batch.js'
import { FetchTurns, Pace } from './pace.js'
import { QuietTopics } from './quiet-topics.js'

/** What this needs of kafkajs' own `ConsumerGroup`. */
export interface FetchingGroup {
  cluster: {
    brokerPool: { metadata: object | null }
    refreshMetadata(): Promise<void>
    refreshMetadataIfNecessary(): Promise<void>
    findBroker(node: { nodeId: number }): Promise<FetchingBroker>
  }
  subscriptionState: {
    assignedPartitionsByTopic: Record<string, { topic: string; partitions: number[] }>
    isPaused(topic: string, partition: number): boolean
  }
  offsetManager: {
    committedOffsets(): Record<string, Record<number, string>>
    nextOffset(topic: string, partition: number): { toNumber(): number }
  }
  seekOffset: { size: number; has(topic: string, partition: number): boolean }
  partitionsPerSubscribedTopic: object | undefined
  assigners: OwnAssigner[]
  maxWaitTime: number
  minBytes: number
  maxBytes: number
  maxBytesPerPartition: number
  isolationLevel: number
  rackId: string
  fetch(nodeId: number): Promise<object[]>
  checkForStaleAssignment(): void
  findReadReplicaForPartitions(topic: string, partitions: number[]): Record<number, number[]>
  seekOffsets(topicPartitions: readonly TopicPartitions[]): Promise<void>
  recoverFromFetch(error: unknown): Promise<void>
}

interface FetchingBroker {
  connectionPool: { send(exchange: object): Promise<unknown> }
  disconnect(): Promise<void>
}

interface Rhythm {
  turns: FetchTurns
  pace: Pace
  quiet: QuietTopics
}

interface TopicPartitions {
  topic: string
  partitions: number[]
}

/** kafkajs' own parts for what is rare. */
export interface StockParts {
  decodeCompressed: CompressedDecoder
  errorOf(partition: FetchedPartition): Error
  /** kafkajs' batch, which leaves out the records of transactions that were taken back. */
  batchWithoutAborted(partition: FetchedPartition, fetchOffset: number): object
}

type GroupClass = new (options: never) => FetchingGroup

/**
 * kafkajs' consumer group with a fetch of our own. Its recovery, offsets, seeks and pauses are kafkajs'. What it does anew
 * for each fetch and each of some 90 partitions (leaders, staleness, texts and promises) is done once per change of
 * the metadata or the assignment, quiet topics are asked for less often, and partitions without records make no batch.
 */
export function leanFetch(stock: GroupClass, parts: StockParts): GroupClass {
  return class extends stock {
    /** Per broker: each is asked by a loop of its own. */
    readonly #rhythmOn = new Map<number, Rhythm>()
    readonly #response = fetchResponse(parts.decodeCompressed)
    #rotation = 0
    #checked: object[] = []
    #byNode = new Map<number, TopicPartitions[]>()

    override async fetch(nodeId: number): Promise<object[]> {
      try {
        const rhythm = this.#rhythmOf(nodeId)
        const { turns, quiet } = rhythm
        const early = turns.waitMs(performance.now(), this.#fetchEveryMs() > 0)
        if (early > 0) await pauseFor(early)
        await this.cluster.refreshMetadataIfNecessary()
        this.#noteChanges()
        const there = this.#partitionsOn(nodeId)
        const mustBeFull = this.seekOffset.size > 0
        await this.seekOffsets(there)
        const topics = there.map(({ topic }) => topic)
        const round = quiet.next(topics, performance.now(), this.maxWaitTime, mustBeFull)
        const wanted = round.isFull ? there : there.filter(({ topic }) => quiet.isBusy(topic, performance.now()))
        const requests = this.#requests(wanted)
        if (requests.length === 0) {
          if (round.isFull) quiet.noteFull(performance.now())
          await pauseFor(round.maxWaitMs)
          return []
        }
        const sentAt = performance.now()
        const { partitions } = await this.#exchange(nodeId, requests, round.maxWaitMs)
        this.#takeTurn(rhythm, quiet.hurried(partitions, round), sentAt)
        const refused = partitions.find(({ errorCode }) => errorCode !== 0)
        if (refused) throw parts.errorOf(refused)
        if (round.isFull) quiet.noteFull(performance.now())
        for (const { topic } of partitions) quiet.noteRecords(topic, performance.now())
        return this.#batches(partitions, requests)
      } catch (error) {
        await this.recoverFromFetch(error)
        return []
      }
    }

    /** kafkajs compares all topics with the metadata at every fetch; only new metadata or a new assignment can differ. */
    #noteChanges(): void {
      const { metadata } = this.cluster.brokerPool
      const seen = [metadata, this.partitionsPerSubscribedTopic, this.subscriptionState.assignedPartitionsByTopic]
      if (seen.every((part, index) => part === this.#checked[index]) && this.#checked.length > 0) return
      this.checkForStaleAssignment()
      this.#byNode.clear()
      this.#checked = seen as object[]
    }

    #takeTurn({ turns, pace }: Rhythm, hurried: readonly FetchedPartition[], sentAt: number): void {
      if (hurried.length === 0) return
      pace.noteRecords(hurried.reduce((sum, { records }) => sum + records.length, 0))
      turns.noteRecords(sentAt, Math.max(this.#fetchEveryMs(), pace.ms(sentAt)))
    }

    #fetchEveryMs(): number {
      const [{ fetchEveryMs = 0 } = {}] = this.assigners
      return fetchEveryMs
    }

    #newRhythm(): Rhythm {
      const [{ patientTopics = [] } = {}] = this.assigners
      return { turns: new FetchTurns(), pace: new Pace(), quiet: new QuietTopics(patientTopics) }
    }

    #rhythmOf(nodeId: number): Rhythm {
      let rhythm = this.#rhythmOn.get(nodeId)
      if (!rhythm) this.#rhythmOn.set(nodeId, (rhythm = this.#newRhythm()))
      return rhythm
    }

    #partitionsOn(nodeId: number): TopicPartitions[] {
      let there = this.#byNode.get(nodeId)
      if (there) return there
      there = Object.values(this.subscriptionState.assignedPartitionsByTopic).map(({ topic, partitions }) => ({
        topic,
        partitions: this.findReadReplicaForPartitions(topic, partitions)[nodeId] ?? [],
      }))
      this.#byNode.set(nodeId, there)
      return there
    }

    /** Those that are not paused and whose offset is known, each time beginning with another topic and partition. */
    #requests(wanted: readonly TopicPartitions[]): TopicRequest[] {
      const committed = this.offsetManager.committedOffsets()
      const rotation = this.#rotation++
      const requests = wanted.map(({ topic, partitions }) => ({
        topic,
        partitions: rotated(partitions, rotation)
          .filter((partition) => committed[topic]?.[partition] != null)
          .filter((partition) => !this.subscriptionState.isPaused(topic, partition))
          .map((partition) => ({
            partition,
            fetchOffset: this.offsetManager.nextOffset(topic, partition).toNumber(),
          })),
      }))
      return rotated(
        requests.filter(({ partitions }) => partitions.length > 0),
        rotation,
      )
    }

    async #exchange(nodeId: number, topics: readonly TopicRequest[], maxWaitMs: number): Promise<FetchAnswer> {
      const { minBytes, maxBytes, maxBytesPerPartition, isolationLevel, rackId } = this
      const limits = { maxWaitMs, minBytes, maxBytes, maxBytesPerPartition, isolationLevel, rackId }
      const broker = await this.cluster.findBroker({ nodeId })
      try {
        const exchange = { request: fetchRequest(topics, limits), response: this.#response }
        return (await broker.connectionPool.send(exchange)) as FetchAnswer
      } catch (error) {
        if ((error as Error).name === 'KafkaJSConnectionClosedError') await broker.disconnect()
        // Of one that is gone kafkajs would ask for records for minutes: as long as it takes its metadata for new.
        else await lookUpLeaders(this.cluster)
        throw error
      }
    }

    /** What was paused, or is to be read from elsewhere, while the fetch was under way is left out, and comes again. */
    #batches(partitions: readonly FetchedPartition[], requests: readonly TopicRequest[]): object[] {
      const batches: object[] = []
      for (const fetched of partitions) {
        const { topic, partition, highWatermark, records, aborted } = fetched
        if (this.subscriptionState.isPaused(topic, partition)) continue
        if (this.seekOffset.size > 0 && this.seekOffset.has(topic, partition)) continue
        const offset = fetchOffsetOf(requests, topic, partition)
        batches.push(
          aborted.length > 0
            ? parts.batchWithoutAborted(fetched, offset)
            : new FetchedBatch(topic, partition, offset, highWatermark, records),
        )
      }
      return batches
    }
  }
}

function fetchOffsetOf(requests: readonly TopicRequest[], topic: string, partition: number): number {
  const asked = requests.find((request) => request.topic === topic)
  return asked!.partitions.find((request) => request.partition === partition)!.fetchOffset
}
