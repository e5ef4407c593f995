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
  const partition = { isPaused: false, resumed: 0 }
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
    resume: () => {
      if (partition.isPaused) partition.resumed++
      partition.isPaused = false
    },
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
    expect([taken, partition.isPaused]).toEqual([ids(0, 2), true])
    await makeRoom('whk_1', 3)
    expect([taken, partition.isPaused]).toEqual([ids(0, 5), true])
    await makeRoom('whk_1', 3)
    await makeRoom('whk_1', 2)
    expect(taken).toEqual(ids(0, 10))
    expect([partition.isPaused, partition.resumed]).toEqual([false, 1])
  })

  it('let their partition be read on when half of them are gone: the next fetch comes while the rest goes', async () => {
    const { read, taken, partition, makeRoom } = some({})
    read(works('whk_1', 0, 10))
    await makeRoom('whk_1', 4)
    expect(partition.isPaused).toBe(true)
    await makeRoom('whk_1', 1)
    expect(partition.isPaused).toBe(false)
    read(works('whk_1', 10, 20))
    expect([taken, partition.isPaused]).toEqual([ids(0, 5), true])
    await makeRoom('whk_1', 15)
    expect([taken, partition.isPaused]).toEqual([ids(0, 20), false])
  })

  it('wait for the lane of the first of them', async () => {
    const { read, taken, makeRoom } = some({ whk_2: 5 })
    read([...works('whk_1', 0, 2), ...works('whk_2', 2, 4)])
    await makeRoom('whk_2', 5)
    expect(taken).toEqual([])
    await makeRoom('whk_1', 5)
    expect(taken).toEqual(ids(0, 4))
  })

  it('count as held until a lane holds them', async () => {
    const { read, memory, makeRoom } = some({ whk_1: 1 })
    read(works('whk_1', 0, 10))
    expect(memory.records).toBe(9)
    await makeRoom('whk_1', 4)
    expect(memory.records).toBe(5)
  })

  it('are forgotten with their partition, and do not come between when it is held again', async () => {
    const { waiting, read, taken, memory, partition, makeRoom, asking } = some({})
    const partitionOfBefore = { lost: false }
    read(works('whk_1', 0, 10, partitionOfBefore))
    const told = asking.get('whk_1')!
    partitionOfBefore.lost = true
    waiting.dropLost()
    expect(memory.records).toBe(0)
    read(works('whk_1', 0, 4))
    told()
    await Promise.resolve()
    expect([taken, partition.isPaused]).toEqual([[], true])
    await makeRoom('whk_1', 4)
    expect([taken, partition.isPaused]).toEqual([ids(0, 4), false])
  })
})
