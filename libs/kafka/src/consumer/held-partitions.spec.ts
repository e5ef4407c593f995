import { describe, expect, it } from 'vitest'
import { HeldPartitions } from './held-partitions.js'
import { OffsetTracker } from './offset-tracker.js'

function joined(): HeldPartitions {
  const held = new HeldPartitions()
  const { gained } = held.join({ memberId: 'me', generationId: 5 }, { t: [0, 1] })
  for (const holding of gained) {
    holding.isAnnounced = true
    holding.tracker = new OffsetTracker(0)
  }
  return held
}

function partitions(list: { partition: number }[]): number[] {
  return list.map(({ partition }) => partition)
}

describe('HeldPartitions', () => {
  it('keeps trackers over a rebalance in which we were members before and after', () => {
    const held = joined()
    const tracker = held.get('t', 1)!.tracker
    const change = held.join({ memberId: 'me', generationId: 6 }, { t: [1, 2] })
    expect(partitions(change.retained)).toEqual([1])
    expect(partitions(change.gained)).toEqual([2])
    expect(partitions(change.lost)).toEqual([0])
    expect(held.get('t', 1)).toMatchObject({ tracker, epoch: 1 })
    expect(held.get('t', 2)).toMatchObject({ tracker: undefined, epoch: 2 })
  })

  it.each([
    ['a generation was missed', { memberId: 'me', generationId: 7 }],
    ['we are a new member', { memberId: 'me-again', generationId: 6 }],
  ])('keeps nothing when %s: others may have worked on it', (_, membership) => {
    const held = joined()
    const before = held.get('t', 0)!
    const change = held.join(membership, { t: [0, 1] })
    expect(partitions(change.lost)).toEqual([0, 1])
    expect(partitions(change.gained)).toEqual([0, 1])
    expect(held.isCurrent(before)).toBe(false)
  })

  it('claims what it holds, and after falling out of the group what it held, until it joins again', () => {
    const held = joined()
    const both = [0, 1].map((partition) => ({ topic: 't', partition }))
    expect(held.claim).toEqual({ generation: 5, partitions: both })
    held.leave()
    held.leave()
    expect(held.claim).toEqual({ generation: 5, partitions: both })
    held.join({ memberId: 'me-again', generationId: 8 }, { t: [1] })
    expect(held.claim).toEqual({ generation: 8, partitions: [{ topic: 't', partition: 1 }] })
  })

  it('claims nothing before its first join', () => {
    expect(new HeldPartitions().claim).toEqual({ generation: -1, partitions: [] })
  })

  it('does not report the loss of what was never announced', () => {
    const held = new HeldPartitions()
    held.join({ memberId: 'me', generationId: 1 }, { t: [0] })
    expect(held.join({ memberId: 'me', generationId: 2 }, {}).lost).toEqual([])
  })

  it('begins a partition anew whose offsets were not read before the next join', () => {
    const held = new HeldPartitions()
    held.join({ memberId: 'me', generationId: 1 }, { t: [0] })
    expect(partitions(held.join({ memberId: 'me', generationId: 2 }, { t: [0] }).gained)).toEqual([0])
  })

  it('gives a partition that was lost and came back a new epoch', () => {
    const held = joined()
    const first = held.get('t', 0)!
    held.join({ memberId: 'me', generationId: 6 }, { t: [1] })
    held.join({ memberId: 'me', generationId: 7 }, { t: [0, 1] })
    expect(held.get('t', 0)!.epoch).toBe(3)
    expect(held.isCurrent(first)).toBe(false)
  })
})
