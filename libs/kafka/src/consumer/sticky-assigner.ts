import type { Assigner, GroupMember, PartitionAssigner } from 'kafkajs'
import { type Cluster, kafkaJs } from '../client/kafkajs.js'
import { assignUnits, type Claimant } from './assign-units.js'

/**
 * - `together`: partition p of every topic goes to the same member, so that one key lives in one process
 * - `spread`: every partition by itself
 */
export type Assignment = 'together' | 'spread'

/** What this member held last, told to the leader with every join. */
export interface Holdings {
  generation: number
  partitions: readonly { topic: string; partition: number }[]
}

const { MemberMetadata, MemberAssignment } = kafkaJs.AssignerProtocol
const VERSION = 1

/**
 * An assigner for kafkajs' consumer. `holdings` is read at every join; `onCluster` receives the consumer's own
 * connections, which kafkajs shows to assigners only. All members of a group must use the same kind.
 */
export function stickyAssigner(
  assignment: Assignment,
  holdings: () => Holdings,
  onCluster: (cluster: Cluster) => void,
): PartitionAssigner {
  return ({ cluster }) => {
    const own = cluster as unknown as Cluster
    onCluster(own)
    return {
      name: `contextfile-${assignment}`,
      version: VERSION,
      protocol: ({ topics }) => ({
        name: `contextfile-${assignment}`,
        metadata: MemberMetadata.encode({ version: VERSION, topics, userData: encodeHoldings(assignment, holdings()) }),
      }),
      assign: async ({ members, topics }) => assign(assignment, own, members, topics),
    } satisfies Assigner
  }
}

async function assign(assignment: Assignment, cluster: Cluster, groupMembers: GroupMember[], ownTopics: string[]) {
  const members = groupMembers.map(({ memberId, memberMetadata }) => ({
    memberId,
    topics: new Set(MemberMetadata.decode(memberMetadata)?.topics ?? []),
    ...decodeHoldings(MemberMetadata.decode(memberMetadata)?.userData),
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
  return [...counts].flatMap(([topic, count]) => indexes.slice(0, count).map((index) => unitOf(topic, index)))
}

function unitOf(topic: string, partition: number): string {
  return `${topic}/${partition}`
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

function encodeHoldings(assignment: Assignment, { generation, partitions }: Holdings): Buffer {
  const units = partitions.map(({ topic, partition }) =>
    assignment === 'together' ? String(partition) : unitOf(topic, partition),
  )
  return Buffer.from(JSON.stringify({ generation, units: [...new Set(units)] }))
}

/** A member that tells nothing, or nothing readable, claims nothing. */
function decodeHoldings(userData: Buffer | undefined): Omit<Claimant, 'memberId'> {
  try {
    const { generation, units } = JSON.parse(String(userData)) as { generation?: unknown; units?: unknown }
    if (typeof generation === 'number' && Array.isArray(units)) return { generation, units: units.map(String) }
  } catch {
    // Another assigner's bytes: no claim.
  }
  return { generation: -1, units: [] }
}
