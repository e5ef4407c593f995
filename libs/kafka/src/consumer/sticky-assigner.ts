import type { Assigner, GroupMember, PartitionAssigner } from 'kafkajs'
import { type Cluster, kafkaJs } from '../client/kafkajs.js'
import type { OwnAssigner } from '../client/own-assigner.js'
import { partitionName } from '../topic-partition.js'
import { assignUnits, type Claimant } from './assign-units.js'
import type { Claim } from './held-partitions.js'

/**
 * - `together`: partition p of every topic goes to the same member, so that one key lives in one process
 * - `spread`: every partition by itself
 */
export type Assignment = 'together' | 'spread'

/** What the assigner needs of the member it assigns for. */
export interface AssignedMember {
  /** What it holds or held last, told to the leader with every join. */
  claim(): Claim
  /** Waited for before every join. */
  beforeJoin(): Promise<void>
  /** From one fetch that brought records to the next, at least. Ms. */
  fetchEveryMs: number
  /** Topics whose records are in no hurry. */
  patientTopics: readonly string[]
  /** Receives the consumer's own connections, which kafkajs shows to assigners only. */
  onCluster(cluster: Cluster): void
}

const { MemberMetadata, MemberAssignment } = kafkaJs.AssignerProtocol
const VERSION = 1

/** An assigner for kafkajs' consumer. All members of a group must use the same kind. */
export function stickyAssigner(assignment: Assignment, member: AssignedMember): PartitionAssigner {
  return ({ cluster }) => {
    const own = cluster as unknown as Cluster
    member.onCluster(own)
    return {
      name: `contextfile-${assignment}`,
      version: VERSION,
      protocol: ({ topics }) => ({
        name: `contextfile-${assignment}`,
        metadata: MemberMetadata.encode({
          version: VERSION,
          topics,
          userData: encodeClaim(assignment, member.claim()),
        }),
      }),
      assign: async ({ members, topics }) => assign(assignment, own, members, topics),
      beforeJoin: () => member.beforeJoin(),
      fetchEveryMs: member.fetchEveryMs,
      patientTopics: member.patientTopics,
    } satisfies Assigner & OwnAssigner
  }
}

async function assign(assignment: Assignment, cluster: Cluster, groupMembers: GroupMember[], ownTopics: string[]) {
  const members = groupMembers.map(({ memberId, memberMetadata }) => ({
    memberId,
    topics: new Set(MemberMetadata.decode(memberMetadata)?.topics ?? []),
    ...decodeClaim(MemberMetadata.decode(memberMetadata)?.userData),
  }))
  // While a new version is rolled out members may want different topics; the leader must know them all.
  const topics = [...new Set([...ownTopics, ...members.flatMap((member) => [...member.topics])])].sort()
  await cluster.addMultipleTargetTopics(topics)
  const counts = new Map(topics.map((topic) => [topic, cluster.findTopicPartitionMetadata(topic).length]))
  const assigned = assignUnits(unitsOf(assignment, counts), members)
  return members.map(({ memberId, topics: wanted }) => ({
    memberId,
    memberAssignment: MemberAssignment.encode({
      version: VERSION,
      assignment: partitionsOf(assigned.get(memberId)!, counts, wanted),
      userData: Buffer.alloc(0),
    }),
  }))
}

/** A unit is what is assigned as a whole: an index for `together`, a topic's partition for `spread`. */
function unitsOf(assignment: Assignment, counts: Map<string, number>): string[] {
  const indexes = Array.from({ length: Math.max(0, ...counts.values()) }, (_, index) => index)
  if (assignment === 'together') return indexes.map(String)
  return [...counts].flatMap(([topic, count]) =>
    indexes.slice(0, count).map((index) => partitionName({ topic, partition: index })),
  )
}

function partitionsOf(units: string[], counts: Map<string, number>, wanted: Set<string>): Record<string, number[]> {
  const assignment: Record<string, number[]> = {}
  for (const [topic, count] of counts) {
    if (!wanted.has(topic)) continue
    const partitions = units
      .map((unit) => (unit.startsWith(`${topic}/`) ? unit.slice(topic.length + 1) : unit))
      .filter((unit) => /^\d+$/.test(unit))
      .map(Number)
      .filter((partition) => partition < count)
    if (partitions.length > 0) assignment[topic] = partitions.sort((a, b) => a - b)
  }
  return assignment
}

function encodeClaim(assignment: Assignment, { generation, partitions }: Claim): Buffer {
  const units = partitions.map(({ topic, partition }) =>
    assignment === 'together' ? String(partition) : partitionName({ topic, partition }),
  )
  return Buffer.from(JSON.stringify({ generation, units: [...new Set(units)] }))
}

/** A member that tells nothing, or nothing readable, claims nothing. */
function decodeClaim(userData: Buffer | undefined): Omit<Claimant, 'memberId'> {
  try {
    const { generation, units } = JSON.parse(String(userData)) as { generation?: unknown; units?: unknown }
    if (typeof generation === 'number' && Array.isArray(units)) return { generation, units: units.map(String) }
  } catch {
    // Another assigner's bytes: no claim.
  }
  return { generation: -1, units: [] }
}
