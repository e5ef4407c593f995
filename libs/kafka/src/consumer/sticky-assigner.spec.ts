import { describe, expect, it } from 'vitest'
import { type Cluster, kafkaJs } from '../client/kafkajs.js'
import type { Claim } from './held-partitions.js'
import { type Assignment, stickyAssigner } from './sticky-assigner.js'

const { MemberAssignment, MemberMetadata } = kafkaJs.AssignerProtocol

const NOTHING: Claim = { generation: -1, partitions: [] }

/** A cluster knows of a topic's partitions once it was asked to look. */
function assigner(assignment: Assignment, counts: Record<string, number>, claim = NOTHING) {
  const known = new Set<string>()
  const cluster = {
    addMultipleTargetTopics: async (topics: string[]) => {
      await Promise.resolve()
      for (const topic of topics) known.add(topic)
    },
    findTopicPartitionMetadata: (topic: string) =>
      Array.from({ length: known.has(topic) ? (counts[topic] ?? 0) : 0 }, () => ({})),
  } as unknown as Cluster
  let shown: Cluster | undefined
  const make = stickyAssigner(assignment, {
    claim: () => claim,
    beforeJoin: () => Promise.resolve(),
    fetchEveryMs: 0,
    patientTopics: [],
    onCluster: (cluster) => (shown = cluster),
  })
  const made = make({ cluster: cluster as never, groupId: 'g', logger: {} as never })
  expect(shown).toBe(cluster)
  return made
}

async function assigned(
  assignment: Assignment,
  counts: Record<string, number>,
  members: Record<string, string[]>,
  claims: Record<string, Claim> = {},
) {
  const own = assigner(assignment, counts)
  const groupMembers = Object.entries(members).map(([memberId, topics]) => ({
    memberId,
    memberMetadata: assigner(assignment, counts, claims[memberId]).protocol({ topics }).metadata,
  }))
  const result = await own.assign({ members: groupMembers, topics: Object.values(members)[0]! })
  return Object.fromEntries(
    result.map(({ memberId, memberAssignment }) => [memberId, MemberAssignment.decode(memberAssignment)!.assignment]),
  )
}

describe('stickyAssigner', () => {
  it('gives one member the same partitions of all topics', async () => {
    const result = await assigned('together', { a: 4, b: 4 }, { one: ['a', 'b'], two: ['a', 'b'] })
    expect(result.one!.a).toEqual(result.one!.b)
    expect(result.two!.a).toEqual(result.two!.b)
    expect([...result.one!.a!, ...result.two!.a!].sort()).toEqual([0, 1, 2, 3])
  })

  it('spreads the partitions of all topics evenly', async () => {
    const result = await assigned('spread', { a: 3, b: 1 }, { one: ['a', 'b'], two: ['a', 'b'] })
    const sizes = Object.values(result).map((topics) => Object.values(topics).flat().length)
    expect(sizes).toEqual([2, 2])
  })

  it('gives nobody a topic it did not ask for, while a new version is rolled out', async () => {
    const result = await assigned('together', { a: 2, added: 2 }, { old: ['a'], new: ['a', 'added'] })
    expect(Object.keys(result.old!)).toEqual(['a'])
    expect(Object.keys(result.new!)).toEqual(['a', 'added'])
    expect(result.new!.added).toEqual(result.new!.a)
  })

  it.each(['together', 'spread'] as const)('leaves each member what it held: %s', async (assignment) => {
    const held = (partitions: number[]): Claim => ({
      generation: 3,
      partitions: partitions.flatMap((partition) => ['a', 'b'].map((topic) => ({ topic, partition }))),
    })
    const both = { one: ['a', 'b'], two: ['a', 'b'] }
    const claims = { one: held([1, 2]), two: held([0, 3]) }
    expect(await assigned(assignment, { a: 4, b: 4 }, both, claims)).toEqual({
      one: { a: [1, 2], b: [1, 2] },
      two: { a: [0, 3], b: [0, 3] },
    })
  })

  it('leaves what two claim to the one that held it later', async () => {
    const claim = (generation: number): Claim => ({ generation, partitions: [{ topic: 'a', partition: 0 }] })
    const members = { one: ['a'], two: ['a'] }
    const result = await assigned('together', { a: 2 }, members, { one: claim(3), two: claim(4) })
    expect(result).toEqual({ one: { a: [1] }, two: { a: [0] } })
  })

  it('takes foreign user data as no claim', async () => {
    const own = assigner('together', { a: 2 })
    const foreign = MemberMetadata.encode({ version: 1, topics: ['a'], userData: Buffer.from([1, 2, 3]) })
    const result = await own.assign({ members: [{ memberId: 'm', memberMetadata: foreign }], topics: ['a'] })
    expect(MemberAssignment.decode(result[0]!.memberAssignment)!.assignment).toEqual({ a: [0, 1] })
  })
})
