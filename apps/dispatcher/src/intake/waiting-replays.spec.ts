import { describe, expect, it } from 'vitest'
import { MemoryBound } from '#domain'
import { WaitingReplays } from './waiting-replays.js'
import { someWork } from '../work.testing.js'
import type { Work } from '../work.js'

/** Lanes that take as many as there is room, and a partition that says whether it is paused. */
function some(rooms: Record<string, number>) {
  const taken: string[] = []
  const asking = new Map<string, () => void>()
  const reasons = new Set<string>()
  const lanes = {
    offer: ({ delivery }: Work) => {
      if ((rooms[delivery.webhookId] ?? 0) === 0) return false
      rooms[delivery.webhookId]!--
      taken.push(delivery.id)
      return true
    },
    whenReplayRoom: ({ delivery }: Work, tell: () => void) => void asking.set(delivery.webhookId, tell),
  }
  const partitions = {
    pause: (_: string, partition: number, reason: string) => void reasons.add(`${partition} ${reason}`),
    resume: (_: string, partition: number, reason: string) => void reasons.delete(`${partition} ${reason}`),
  }
  const makeRoom = async (webhookId: string, room: number): Promise<void> => {
    rooms[webhookId] = room
    const tell = asking.get(webhookId)
    asking.delete(webhookId)
    tell?.()
    await Promise.resolve()
  }
  const memory = new MemoryBound({ records: 8_000, bytes: 2 ** 30 })
  const waiting = new WaitingReplays(lanes, partitions, memory)
  const read = (works: Work[], partition = 2): void => waiting.add('deliveries.replay', partition, works)
  const paused = (): number[] => [...new Set([...reasons].map(Number.parseFloat))].sort()
  return { waiting, read, taken, memory, paused, makeRoom, asking }
}

function works(webhookId: string, from: number, to: number, partition: { lost?: boolean } = {}): Work[] {
  return Array.from({ length: to - from }, (_, i) => someWork({ id: `dlv_${from + i}`, webhookId }, partition))
}

function ids(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => `dlv_${from + i}`)
}

describe('replays that find no room', () => {
  it('go on in their order, a few with each room, without being read again', async () => {
    const { read, taken, paused, makeRoom } = some({ whk_1: 2 })
    read(works('whk_1', 0, 10))
    expect(taken).toEqual(ids(0, 2))
    await makeRoom('whk_1', 3)
    read(works('whk_1', 10, 12))
    expect(taken).toEqual(ids(0, 5))
    await makeRoom('whk_1', 3)
    await makeRoom('whk_1', 9)
    expect([taken, paused().length]).toEqual([ids(0, 12), 0])
    read(works('whk_1', 12, 14))
    expect(taken).toEqual(ids(0, 14))
  })

  it('are passed by those of other webhooks', async () => {
    const { read, taken, makeRoom } = some({ whk_2: 5 })
    read([...works('whk_1', 0, 2), ...works('whk_2', 2, 4), ...works('whk_1', 4, 5)])
    read(works('whk_2', 5, 6))
    expect(taken).toEqual(['dlv_2', 'dlv_3', 'dlv_5'])
    await makeRoom('whk_1', 5)
    expect(taken.slice(3)).toEqual(['dlv_0', 'dlv_1', 'dlv_4'])
  })

  it('hold their partition back when they are too many, until half of them are gone', async () => {
    const { read, paused, makeRoom } = some({})
    read(works('whk_1', 0, 3_999))
    expect(paused()).toEqual([])
    read(works('whk_2', 3_999, 4_000))
    expect(paused()).toEqual([2])
    await makeRoom('whk_1', 1_999)
    expect(paused()).toEqual([2])
    await makeRoom('whk_2', 1)
    expect(paused()).toEqual([])
  })

  it('hold it back by their size, too', async () => {
    const { read, paused, makeRoom } = some({})
    const large = works('whk_1', 0, 9).map((work) => {
      work.delivery.body = Buffer.alloc(1024 * 1024)
      return work
    })
    read(large)
    expect(paused()).toEqual([2])
    await makeRoom('whk_1', 6)
    expect(paused()).toEqual([])
  })

  it('and by how many pass them by', async () => {
    const { read, paused, makeRoom } = some({ whk_2: 2 })
    const [first, near, far] = [...works('whk_1', 0, 1), ...works('whk_2', 1, 3)] as [Work, Work, Work]
    const from = first.record.offset
    read([first, { ...near, record: { ...near.record, offset: from + 99_999 } }])
    expect(paused()).toEqual([])
    read([{ ...far, record: { ...far.record, offset: from + 100_000 } }])
    expect(paused()).toEqual([2])
    await makeRoom('whk_1', 1)
    expect(paused()).toEqual([])
  })

  it('hold back all partitions when the process has too many', async () => {
    const { read, paused, makeRoom } = some({ whk_4: 1 })
    read(works('whk_1', 0, 3_000), 1)
    read(works('whk_2', 3_000, 6_000), 2)
    read(works('whk_4', 6_000, 6_001), 4)
    expect(paused()).toEqual([])
    read(works('whk_3', 6_001, 8_001), 3)
    expect(paused()).toEqual([1, 2, 3, 4])
    await makeRoom('whk_1', 3_000)
    await makeRoom('whk_2', 1_000)
    expect(paused()).toEqual([])
  })

  it('that stay when the process has room again hold back their own partition only', async () => {
    const { read, paused, makeRoom } = some({})
    read(works('whk_1', 0, 3_000), 1)
    read(works('whk_2', 3_000, 6_500), 2)
    read(works('whk_3', 6_500, 8_000), 3)
    expect(paused()).toEqual([1, 2, 3])
    await makeRoom('whk_3', 1_500)
    await makeRoom('whk_2', 3_500)
    expect(paused()).toEqual([])
  })

  it('that came since their partition is held again are not forgotten, and wait for the room of a new lane', async () => {
    const { waiting, read, taken, memory, makeRoom, asking } = some({})
    const partitionOfBefore = { lost: false }
    read(works('whk_1', 0, 2, partitionOfBefore))
    partitionOfBefore.lost = true
    read(works('whk_1', 2, 4))
    // The lane of before is gone with its partition.
    asking.clear()
    waiting.dropLost()
    expect(memory.records).toBe(2)
    await makeRoom('whk_1', 4)
    expect(taken).toEqual(ids(2, 4))
  })

  it('are forgotten, many as they are, with their partition', () => {
    const { waiting, read, memory, paused } = some({})
    const partition = { lost: false }
    read(works('whk_1', 0, 4_000, partition), 1)
    read(works('whk_2', 0, 4_000, partition), 2)
    expect(paused()).toEqual([1, 2])
    partition.lost = true
    waiting.dropLost()
    expect([memory.records, paused()]).toEqual([0, []])
  })

  it('are forgotten with their partition, and do not come between when it is held again', async () => {
    const { waiting, read, taken, paused, makeRoom, asking } = some({})
    const partitionOfBefore = { lost: false }
    const before = works('whk_1', 0, 4_000, partitionOfBefore)
    read(before)
    const told = asking.get('whk_1')!
    partitionOfBefore.lost = true
    waiting.dropLost()
    expect(paused()).toEqual([])
    read(before)
    read(works('whk_1', 0, 4))
    told()
    await Promise.resolve()
    expect(taken).toEqual([])
    await makeRoom('whk_1', 4)
    expect(taken).toEqual(ids(0, 4))
  })
})
