import { createRequire } from 'node:module'
import type { Socket } from 'node:net'
import type * as KafkaJs from 'kafkajs'
import {
  type BatchDecoder,
  decodeCompressed,
  decodeRecordBatchWith,
  type FetchDecoder,
} from '../codec/decode-record-batch.js'
import { leanFetch, type StockParts } from '../fetch/lean-fetch.js'
import { askBeforeJoin } from './before-join.js'
import { forgetHalfAnswers, leaveSilentBrokers } from './begin-afresh.js'
import { doubtCoordinator } from './doubt-coordinator.js'
import { withInflightRequests } from './inflight-requests.js'
import { insistOnJoin } from './insist-on-join.js'
import { leanRequest } from './lean-request.js'
import { leaveSilence, noticeSilence } from './leave-silence.js'
import { patientCoordinatorSearch } from './patient-coordinator-search.js'
import { reportGeneration } from './report-generation.js'
import { restIdleTimer } from './rest-idle-timer.js'

/**
 * The only place that loads kafkajs, with thirteen repairs made before its own modules see one another: a faster
 * record decoder, requests written once and let go of when they are answered, a fetch that asks for what it needs, a
 * timer that rests when nothing waits, the generation in GROUP_JOIN, a word before each join, joins that are not
 * left half done, a patient coordinator search, one for a coordinator that does not answer, connections that begin afresh
 * after a reset and after silence, and that are left when they fall silent.
 * They lean on files inside the package, which is why package.json pins its exact version.
 */
const load = createRequire(import.meta.url)
const repaired = Symbol.for('contextfile.kafkajs-repaired')
/** The broker's code. */
const REBALANCE_IN_PROGRESS = 27

function replace<T extends object>(path: string, repair: (stock: T) => T): void {
  const stock = load(path) as T
  const module = load.cache[load.resolve(path)]
  if (module) module.exports = repair(stock)
}

function loadRepaired(): typeof KafkaJs {
  const mark = load('kafkajs/src/constants.js') as Record<symbol, boolean>
  if (!mark[repaired]) {
    if (load.cache[load.resolve('kafkajs')]) throw new Error('kafkajs was loaded before libs/kafka could repair it')
    patientCoordinatorSearch(load('kafkajs/src/errors.js'))
    restIdleTimer(load('kafkajs/src/network/requestQueue/index.js'))
    replace('kafkajs/src/network/requestQueue/index.js', withInflightRequests)
    replace('kafkajs/src/network/requestQueue/index.js', noticeSilence)
    forgetHalfAnswers(load('kafkajs/src/network/connection.js'))
    replace('kafkajs/src/network/connectionPool.js', (stock: Parameters<typeof leaveSilence>[0]) =>
      leaveSilence(stock, load('kafkajs/src/errors.js').KafkaJSConnectionError),
    )
    leaveSilentBrokers(load('kafkajs/src/broker/index.js'), load('kafkajs/src/errors.js').KafkaJSConnectionError)
    const stockDecoder = load('kafkajs/src/protocol/recordBatch/v0/decoder.js') as BatchDecoder
    replace<BatchDecoder>('kafkajs/src/protocol/recordBatch/v0/decoder.js', (stock) =>
      decodeRecordBatchWith(stock, load('kafkajs/src/errors.js').KafkaJSPartialMessageError),
    )
    replace('kafkajs/src/protocol/request.js', () => leanRequest)
    replace('kafkajs/src/consumer/consumerGroup.js', reportGeneration)
    replace('kafkajs/src/consumer/consumerGroup.js', askBeforeJoin)
    replace('kafkajs/src/consumer/consumerGroup.js', (stock: Parameters<typeof leanFetch>[0]) =>
      leanFetch(stock, stockParts(stockDecoder)),
    )
    replace('kafkajs/src/consumer/consumerGroup.js', doubtCoordinator)
    replace('kafkajs/src/consumer/consumerGroup.js', (stock: Parameters<typeof insistOnJoin>[0]) =>
      insistOnJoin(stock, () => errorOfCode(REBALANCE_IN_PROGRESS)),
    )
    mark[repaired] = true
  }
  return load('kafkajs')
}

function stockParts(stockDecoder: BatchDecoder): StockParts {
  const { KafkaJSOffsetOutOfRange } = load('kafkajs/src/errors.js')
  const Cursor: new (bytes: Buffer) => FetchDecoder = load('kafkajs/src/protocol/decoder.js')
  const StockBatch = load('kafkajs/src/consumer/batch.js')
  return {
    decodeCompressed(bytes, start) {
      const cursor = new Cursor(bytes)
      cursor.forward(start)
      return decodeCompressed(stockDecoder, cursor, start)
    },
    errorOf({ topic, partition, errorCode }) {
      const error = errorOfCode(errorCode)
      const isOutOfRange = error.type === 'OFFSET_OUT_OF_RANGE'
      return isOutOfRange ? new KafkaJSOffsetOutOfRange(error, { topic, partition }) : error
    },
    batchWithoutAborted({ topic, partition, highWatermark, records, aborted }, fetchOffset) {
      const data = { partition, highWatermark: String(highWatermark), messages: records, abortedTransactions: aborted }
      return new StockBatch(topic, String(fetchOffset), data)
    },
  }
}

export const kafkaJs = loadRepaired()

/** One socket per connection; `onConnect` is called when it is ready for use (after TLS). */
export type SocketFactory = (options: {
  host: string
  port: number
  ssl: object | null
  onConnect: () => void
}) => Socket
export const openSocket: SocketFactory = load('kafkajs/src/network/socketFactory.js')()

export interface PartitionMetadata {
  partitionId: number
  leader: number
}

export interface TopicPartitions {
  topic: string
  partitions: { partition: number }[]
}

/** What this library uses of kafkajs' own Broker: one node and its connections. */
export interface Broker {
  nodeId: number
  isConnected(): boolean
  initProducerId(request: { transactionTimeout: number }): Promise<{ producerId: string; producerEpoch: number }>
  listOffsets(request: {
    replicaId: number
    isolationLevel: number
    topics: { topic: string; partitions: { partition: number; timestamp: number }[] }[]
  }): Promise<{ responses: { topic: string; partitions: { partition: number; offset: string }[] }[] }>
  fetch(request: {
    maxWaitTime: number
    minBytes: number
    maxBytes: number
    isolationLevel: number
    topics: { topic: string; partitions: { partition: number; fetchOffset: string; maxBytes: number }[] }[]
  }): Promise<{ responses: { partitions: { highWatermark: string; messages: FetchedMessage[] }[] }[] }>
  offsetFetch(request: { groupId: string; topics: TopicPartitions[] }): Promise<{
    responses: { topic: string; partitions: { partition: number; offset: string; metadata: string | null }[] }[]
  }>
  offsetCommit(request: {
    groupId: string
    memberId: string
    groupGenerationId: number
    topics: { topic: string; partitions: { partition: number; offset: string; metadata: string }[] }[]
  }): Promise<unknown>
  leaveGroup(request: { groupId: string; memberId: string }): Promise<unknown>
  connectionPool: { send(exchange: { request: ProtocolRequest; response: ProtocolResponse }): Promise<unknown> }
}

export interface ProtocolRequest {
  apiKey: number
  apiVersion: number
  apiName: string
  encode(): Promise<Encoder>
}

export interface ProtocolResponse {
  decode(payload: Buffer): Promise<unknown>
  parse(decoded: unknown): Promise<unknown>
}

/** A record as our decoder leaves it in a fetch response (see codec/decode-record-batch.ts). */
export interface FetchedMessage {
  offset: number
  timestamp: number
  key: string | null
  value: Buffer | null
  headers: Record<string, string>
  isControlRecord: boolean
}

export interface Cluster {
  connect(): Promise<void>
  disconnect(): Promise<void>
  addMultipleTargetTopics(topics: string[]): Promise<void>
  refreshMetadata(): Promise<void>
  refreshMetadataIfNecessary(): Promise<void>
  findTopicPartitionMetadata(topic: string): PartitionMetadata[]
  findBroker(node: { nodeId: number }): Promise<Broker>
  findControllerBroker(): Promise<Broker>
  findGroupCoordinator(group: { groupId: string }): Promise<Broker>
  fetchTopicsOffset(
    topics: (TopicPartitions & { fromBeginning: boolean })[],
  ): Promise<{ topic: string; partitions: { partition: number; offset: string }[] }[]>
}

export interface Encoder {
  writeInt16(value: number): Encoder
  writeInt32(value: number): Encoder
  writeString(value: string | null): Encoder
  writeBytes(value: Buffer): Encoder
  readonly buffer: Buffer
}

export const ClusterOfKafkaJs: new (options: object) => Cluster = load('kafkajs/src/cluster/index.js')
export const KafkaJsEncoder: new (initialBytes: number) => Encoder = load('kafkajs/src/protocol/encoder.js')
export const createLogger: (options: { level: number; logCreator: KafkaJs.logCreator }) => object =
  load('kafkajs/src/loggers/index.js').createLogger
export const produceResponse: ProtocolResponse = load('kafkajs/src/protocol/requests/produce/v7/response.js')

/** The broker's error codes as kafkajs names them; `retriable` is Kafka's own opinion. */
export const errorOfCode: (code: number) => Error & { type: string; code: number; retriable: boolean } = load(
  'kafkajs/src/protocol/error.js',
).createErrorFromCode
