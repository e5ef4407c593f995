import { describe, expect, it } from 'vitest'
import { type Cluster, kafkaJs } from '../client/kafkajs.js'
import { type Assignment, stickyAssigner } from './sticky-assigner.js'

const { MemberAssignment, MemberMetadata } = kafkaJs.AssignerProtocol

function assigner(assignment: Assignment, counts: Record<string, number>) {
  const cluster = {
    addMultipleTargetTopics: () => Promise.resolve(),
    findTopicPartitionMetadata: (topic: string) => Array.from({ length: counts[topic] ?? 0 }, () => ({})),
  } as unknown as Cluster
  const make = stickyAssigner(assignment, {
    claim: () => ({ generation: -1, partitions: [] }),
    beforeJoin: () => Promise.resolve(),
    fetchEveryMs: 0,
    onCluster: () => undefined,
  })
  return make({ cluster: cluster as never, groupId: 'g', logger: {} as never })
}

async function assigned(assignment: Assignment, counts: Record<string, number>, members: Record<string, string[]>) {
  const own = assigner(assignment, counts)
  const groupMembers = Object.entries(members).map(([memberId, topics]) => ({
    memberId,
    memberMetadata: own.protocol({ topics }).metadata,
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

  it('takes foreign user data as no claim', async () => {
    const own = assigner('together', { a: 2 })
    const foreign = MemberMetadata.encode({ version: 1, topics: ['a'], userData: Buffer.from([1, 2, 3]) })
    const result = await own.assign({ members: [{ memberId: 'm', memberMetadata: foreign }], topics: ['a'] })
    expect(MemberAssignment.decode(result[0]!.memberAssignment)!.assignment).toEqual({ a: [0, 1] })
  })
})
