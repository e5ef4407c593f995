import type { Broker, Cluster } from '../client/kafkajs.js'
import { decodeCompletedBeyond, readPast } from './commit-metadata.js'
import { type TopicPartition, partitionName } from '../topic-partition.js'
import type { OffsetRange } from './offset-tracker.js'

/** Where to begin in a partition. */
export interface StartingOffset extends TopicPartition {
  offset: number
  completedBeyond: OffsetRange[]
  /** The partition's end. */
  end: number
  /** Of the records before it the group does not know what is done: its offset was lost, now or under an owner of before. */
  pastEnd: number
  /**
   * - `committed`: the group's offset
   * - `none`: the group has none; begins at the partition's first record
   * - `beyond-end`: the group's offset is greater than the partition's end, which was made anew; begins at its first
   */
  source: 'committed' | 'none' | 'beyond-end'
}

/** Reads the group's offsets, their metadata and the partitions' bounds: three requests. Rejects when one fails. */
export async function readStartingOffsets(
  cluster: Cluster,
  coordinator: Broker,
  groupId: string,
  partitions: readonly TopicPartition[],
): Promise<StartingOffset[]> {
  const topics = byTopic(partitions)
  const [{ responses: committed }, earliest, latest] = await Promise.all([
    coordinator.offsetFetch({ groupId, topics }),
    cluster.fetchTopicsOffset(topics.map((topic) => ({ ...topic, fromBeginning: true }))),
    cluster.fetchTopicsOffset(topics.map((topic) => ({ ...topic, fromBeginning: false }))),
  ])
  const commits = indexed(committed)
  const firsts = indexed(earliest)
  const ends = indexed(latest)
  return partitions.map(({ topic, partition }) => {
    const name = partitionName({ topic, partition })
    const commit = commits.get(name)
    const first = firsts.get(name)
    const last = ends.get(name)
    if (!commit || !first || !last) throw new Error(`the broker did not tell the offsets of ${name}`)
    const end = Number(last.offset)
    const offset = Number(commit.offset)
    const beginning = { topic, partition, offset: Number(first.offset), completedBeyond: [], end, pastEnd: end }
    if (offset < 0) return { ...beginning, source: 'none' }
    if (offset > end) return { ...beginning, source: 'beyond-end' }
    const { pastEnd, text } = readPast(commit.metadata)
    return {
      ...beginning,
      offset,
      pastEnd,
      completedBeyond: decodeCompletedBeyond(offset, text),
      source: 'committed',
    }
  })
}

/** The partitions' ends. One request per leader. */
export async function readEnds(
  cluster: Cluster,
  partitions: readonly TopicPartition[],
): Promise<(TopicPartition & { end: number })[]> {
  const topics = byTopic(partitions).map((topic) => ({ ...topic, fromBeginning: false }))
  const latest = await cluster.fetchTopicsOffset(topics)
  return latest.flatMap(({ topic, partitions: ends }) =>
    ends.map(({ partition, offset }) => ({ topic, partition, end: Number(offset) })),
  )
}

function byTopic(partitions: readonly TopicPartition[]): { topic: string; partitions: { partition: number }[] }[] {
  const topics = new Map<string, { partition: number }[]>()
  for (const { topic, partition } of partitions) topics.set(topic, [...(topics.get(topic) ?? []), { partition }])
  return [...topics].map(([topic, list]) => ({ topic, partitions: list }))
}

function indexed<P extends { partition: number }>(topics: { topic: string; partitions: P[] }[]): Map<string, P> {
  return new Map(
    topics.flatMap(({ topic, partitions }) =>
      partitions.map((one) => [partitionName({ topic, partition: one.partition }), one]),
    ),
  )
}
