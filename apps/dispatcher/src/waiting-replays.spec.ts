import { describe, expect, it } from 'vitest'
import { MemoryBound } from './memory-bound.js'
import { WaitingReplays } from './waiting-replays.js'
import { someWork } from './work.testing.js'
import type { Work } from './work.js'

/** Lanes that take as many as there is room, and a partition that says whether it is paused. */
function some(rooms: Record<string, number>) {
  const taken: string[] = []
  const asking = new Map<string, () => void>()
  const memory = new MemoryBound()
  const partition = { isPaused: false }
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
    pause: () => void (partition.isPaused = true),
    resume: () => void (partition.isPaused = false),
  }
  const makeRoom = async (webhookId: string, room: number): Promise<void> => {
    rooms[webhookId] = room
    const tell = asking.get(webhookId)
    asking.delete(webhookId)
    tell?.()
    await Promise.resolve()
  }
  const waiting = new WaitingReplays(lanes, partitions, memory)
  const read = (works: Work[]): void => waiting.add('deliveries.replay', 2, works)
  return { waiting, read, taken, memory, partition, makeRoom, asking }
}

function works(webhookId: string, from: number, to: number, partition: { lost?: boolean } = {}): Work[] {
  return Array.from({ length: to - from }, (_, i) => someWork({ id: `dlv_${from + i}`, webhookId }, partition))
}

function ids(from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, i) => `dlv_${from + i}`)
}

describe('replays that find no room', () => {
  it('go on in their order, a few with each room, without being read again', async () => {
    const { read, taken, partition, makeRoom } = some({ whk_1: 2 })
    read(works('whk_1', 0, 10))
    expect(taken).toEqual(ids(0, 2))
    await makeRoom('whk_1', 3)
    read(works('whk_1', 10, 12))
    expect(taken).toEqual(ids(0, 5))
    await makeRoom('whk_1', 3)
    await makeRoom('whk_1', 9)
    expect([taken, partition.isPaused]).toEqual([ids(0, 12), false])
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
    const { read, partition, makeRoom } = some({})
    read(works('whk_1', 0, 1_999))
    expect(partition.isPaused).toBe(false)
    read(works('whk_2', 1_999, 2_000))
    expect(partition.isPaused).toBe(true)
    await makeRoom('whk_1', 999)
    expect(partition.isPaused).toBe(true)
    await makeRoom('whk_2', 1)
    expect(partition.isPaused).toBe(false)
  })

  it('hold it back by their size, too', async () => {
    const { read, partition, makeRoom } = some({})
    const large = works('whk_1', 0, 9).map((work) => {
      work.delivery.body = Buffer.alloc(512 * 1024)
      return work
    })
    read(large)
    expect(partition.isPaused).toBe(true)
    await makeRoom('whk_1', 6)
    expect(partition.isPaused).toBe(false)
  })

  it('count as held by the process until a lane holds them', async () => {
    const { read, memory, makeRoom } = some({ whk_1: 1 })
    read(works('whk_1', 0, 10))
    expect(memory.records).toBe(9)
    await makeRoom('whk_1', 4)
    expect(memory.records).toBe(5)
  })

  it('are forgotten with their partition, and do not come between when it is held again', async () => {
    const { waiting, read, taken, memory, partition, makeRoom, asking } = some({})
    const partitionOfBefore = { lost: false }
    read(works('whk_1', 0, 2_000, partitionOfBefore))
    const told = asking.get('whk_1')!
    partitionOfBefore.lost = true
    waiting.dropLost()
    expect([memory.records, partition.isPaused]).toEqual([0, false])
    read(works('whk_1', 0, 4))
    told()
    await Promise.resolve()
    expect(taken).toEqual([])
    await makeRoom('whk_1', 4)
    expect(taken).toEqual(ids(0, 4))
  })
})
