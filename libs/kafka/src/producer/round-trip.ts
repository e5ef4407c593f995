import { encodeRecordBatch, type BatchOrigin } from '../codec/encode-record-batch.js'
import { type Cluster, errorOfCode } from '../client/kafkajs.js'
import { produce, type EncodedBatch } from './produce-request.js'
import type { Chunk } from './record-queue.js'

/** A chunk with the numbers it keeps until its outcome is known. */
export interface NumberedChunk extends Chunk {
  origin: BatchOrigin
}

/**
 * - `stored`: acknowledged, or recognised by the broker as stored before
 * - `again`: not stored, or unknown whether: the same chunk with the same numbers may be sent again
 * - `renumber`: the broker does not know our numbers any more; again, with new ones
 * - `refused`: not stored, and never will be as it is
 */
export type ChunkOutcome =
  | { kind: 'stored' }
  | { kind: 'again'; error: Error; connectionLost: boolean }
  | { kind: 'renumber'; error: Error }
  | { kind: 'refused'; error: Error }

const STORED_BEFORE = 'DUPLICATE_SEQUENCE_NUMBER'
const NUMBERS_UNKNOWN = new Set([
  'OUT_OF_ORDER_SEQUENCE_NUMBER',
  'UNKNOWN_PRODUCER_ID',
  'INVALID_PRODUCER_EPOCH',
  'INVALID_PRODUCER_ID_MAPPING',
])

/** Sends every chunk to the leader of its partition, one request per leader, and tells how each fared. Never rejects. */
export async function roundTrip(
  cluster: Cluster,
  chunks: NumberedChunk[],
  timeoutMs: number,
): Promise<Map<NumberedChunk, ChunkOutcome>> {
  const outcomes = new Map<NumberedChunk, ChunkOutcome>()
  const byLeader = new Map<number, NumberedChunk[]>()
  for (const chunk of chunks) {
    const leader = leaderOf(cluster, chunk)
    if (leader === undefined) {
      const error = new Error(`no leader known for ${chunk.topic}/${chunk.partition}`)
      outcomes.set(chunk, { kind: 'again', error, connectionLost: false })
    } else byLeader.set(leader, [...(byLeader.get(leader) ?? []), chunk])
  }
  await Promise.all(
    [...byLeader].map(async ([nodeId, chunksThere]) => {
      try {
        const broker = await cluster.findBroker({ nodeId })
        const sent = new Map(chunksThere.map((chunk) => [encoded(chunk), chunk]))
        for (const [batch, code] of await produce(broker, [...sent.keys()], timeoutMs)) {
          outcomes.set(sent.get(batch)!, outcomeOf(code))
        }
      } catch (error) {
        for (const chunk of chunksThere)
          outcomes.set(chunk, { kind: 'again', error: asError(error), connectionLost: true })
      }
    }),
  )
  return outcomes
}

function leaderOf(cluster: Cluster, { topic, partition }: Chunk): number | undefined {
  const leader = cluster.findTopicPartitionMetadata(topic).find(({ partitionId }) => partitionId === partition)?.leader
  return leader === undefined || leader < 0 ? undefined : leader
}

function encoded({ topic, partition, records, origin }: NumberedChunk): EncodedBatch {
  const sizes = records.map((record) => record.bodyBytes)
  return { topic, partition, bytes: encodeRecordBatch(records, sizes, origin, Date.now()) }
}

function outcomeOf(code: number): ChunkOutcome {
  if (code === 0) return { kind: 'stored' }
  const error = errorOfCode(code)
  if (error.type === STORED_BEFORE) return { kind: 'stored' }
  if (NUMBERS_UNKNOWN.has(error.type)) return { kind: 'renumber', error }
  return error.retriable ? { kind: 'again', error, connectionLost: false } : { kind: 'refused', error }
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
