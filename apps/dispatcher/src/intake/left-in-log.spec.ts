import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ConsumedRecord, LogReader, RecordBatch } from '#kafka'
import type { Lanes } from '../lanes/lanes.js'
import type { DispatchMetrics } from '../dispatch-metrics.js'
import { LeftInLog } from './left-in-log.js'
import { MemoryBounds } from '../memory-bounds.js'

/** As much of a lane as is asked of it. */
interface LaneStandIn {
  queued: number
  capacity: number
  isFull: boolean
  isBlocked: () => boolean
  waitMs: (more: number) => number
}

const cleanUps: (() => void)[] = []
beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp()
  vi.useRealTimers()
})

/** A partition's log, lanes that hold what they are given, and a process that is crowded from 5,000 records on. */
function aProcess({ portion = 500, capacity = 2_000, msEach = 1 } = {}) {
  const memory = new MemoryBounds()
  const lanes = new Map<string, LaneStandIn & { isStopped: boolean; works: number[] }>()
  const log: ConsumedRecord[] = []
  const taken: string[] = []
  const completed: number[] = []
  const errors: unknown[] = []
  const reads: string[] = []
  const state = { owned: true, down: false, named: true }
  let readTo = 0
  let begin = 0
  let left = () => 0

  const laneOf = (webhookId: string) => {
    let lane = lanes.get(webhookId)
    if (lane) return lane
    lane = {
      works: [],
      isStopped: false,
      get queued() {
        return this.works.length
      },
      capacity,
      get isFull() {
        return this.works.length >= capacity
      },
      isBlocked() {
        return this.isStopped
      },
      waitMs(more) {
        return (this.works.length + more) * msEach
      },
    }
    lanes.set(webhookId, lane)
    return lane
  }
  const take = (record: ConsumedRecord) => {
    taken.push(`${record.key} ${record.offset}`)
    laneOf(record.key!).works.push(record.offset)
    memory.live.add(100)
  }
  const reader = {
    read: (stretch: { from: number; end: number }, onRecords: (records: ConsumedRecord[]) => boolean) => {
      if (state.down) return Promise.reject(new Error('the broker is away'))
      reads.push(log[stretch.from]!.key!)
      if (stretch.from < begin) return Promise.reject(new Error('out of range'))
      onRecords(log.slice(stretch.from, Math.min(stretch.end, stretch.from + portion)))
      return Promise.resolve()
    },
    begin: () => Promise.resolve(begin),
  }
  const inLog = new LeftInLog(
    { get: (id: string) => (lanes.has(id) ? { state: lanes.get(id) } : undefined) } as unknown as Lanes,
    memory,
    reader as unknown as LogReader,
    { observeLeftInLog: (count: () => number) => (left = count) } as unknown as DispatchMetrics,
    { error: (fields: unknown) => errors.push(fields) } as never,
  )
  inLog.listen(take)
  cleanUps.push(() => inLog.stop())

  /** Writes records for these webhooks, and reads what was written. */
  const write = (webhookIds: string[], headers: Record<string, string> = {}) => {
    for (const key of webhookIds) {
      const all = { trigger: 'automatic', chain: '0', ...headers }
      log.push({
        topic: 'deliveries',
        partition: 0,
        offset: log.length,
        key,
        value: null,
        headers: all,
        timestamp: 0,
      })
    }
    const { owned } = state
    const batch = {
      topic: 'deliveries',
      partition: 0,
      records: log.slice(readTo),
      isOwned: () => owned && state.owned,
      complete: ({ offset }: ConsumedRecord) => completed.push(offset),
      isNamed: () => state.named,
      withoutRecords: () => batch,
    }
    readTo = log.length
    inLog.sift(batch as unknown as RecordBatch)
  }
  /** A lane delivers its next ones. */
  const deliver = (webhookId: string, count: number) => {
    for (const offset of laneOf(webhookId).works.splice(0, count)) {
      completed.push(offset)
      memory.live.remove(100)
    }
  }
  const someTime = () => vi.advanceTimersByTimeAsync(50)
  const beginAnew = () => (readTo = 0)
  const deleteUpTo = (offset: number) => (begin = offset)
  return {
    inLog,
    write,
    deliver,
    deleteUpTo,
    beginAnew,
    lanes,
    log,
    taken,
    completed,
    errors,
    reads,
    state,
    memory,
    someTime,
    left: () => left(),
  }
}

const times = (count: number, webhookId: string) => Array.from({ length: count }, () => webhookId)
const inTurns = (count: number, webhooks: number) => Array.from({ length: count }, (_, i) => `whk_${i % webhooks}`)

describe('what is left in the log', () => {
  it('is nothing while there is room', () => {
    const { write, taken, left } = aProcess()
    write(inTurns(5_000, 50))
    expect([taken.length, left()]).toEqual([5_000, 0])
  })

  it('is what is for webhooks that have plenty, in a process that holds much: others pass by', () => {
    const { write, taken, lanes, left } = aProcess()
    write(inTurns(5_000, 50))
    write([...inTurns(30_000, 50), 'whk_quiet', ...times(64, 'whk_new')])
    expect(left()).toBe(30_000 - 1)
    expect(taken.at(-65)).toBe('whk_quiet 35000')
    expect(lanes.get('whk_new')!.queued).toBe(64)
  })

  it('is what a full lane has no place for, also in a process that holds little', () => {
    const { write, lanes, left } = aProcess()
    write(times(3_000, 'whk_a'))
    write(times(1_000, 'whk_a'))
    expect(lanes.get('whk_a')!.queued + left()).toBe(4_000)
  })

  it('has its turn when its lanes have room, each record once and in each webhook’s order', async () => {
    const { write, deliver, taken, completed, left, someTime } = aProcess()
    write(inTurns(5_000, 50))
    write(inTurns(20_000, 50))
    for (let round = 0; completed.length < 25_000; round++) {
      expect(round).toBeLessThan(2_000)
      for (let i = 0; i < 50; i++) deliver(`whk_${i}`, 40)
      await someTime()
    }
    expect(left()).toBe(0)
    expect(new Set(taken).size).toBe(25_000)
    expect(taken).toHaveLength(25_000)
    for (let i = 0; i < 50; i++) {
      const own = taken.filter((one) => one.startsWith(`whk_${i} `)).map((one) => Number(one.split(' ')[1]))
      expect(own).toEqual(own.toSorted((a, b) => a - b))
    }
  })

  it.each([
    ['shared by all that have some left', 0, 100],
    ['little in a process that holds more than half of what it may', 11_000, 64],
  ])('is taken in where a lane holds no more than half of an amount that is %s', async (_, heldBesides, each) => {
    const { write, deliver, lanes, taken, memory, someTime } = aProcess({ portion: 50 })
    write(inTurns(5_000, 50))
    write(inTurns(20_000, 50))
    for (let i = 0; i < heldBesides; i++) memory.live.add(100)
    for (const id of lanes.keys()) deliver(id, 5_000)
    for (let before = -1; taken.length > before; await someTime()) before = taken.length
    const held = [...lanes.values()].map(({ queued }) => queued)
    expect(new Set(held)).toEqual(new Set([each / 2 + 1]))
  })

  it('is looked for no longer once all of it was taken in', async () => {
    const { write, deliver, left, someTime } = aProcess()
    write(times(2_000, 'whk_a'))
    write(times(100, 'whk_a'))
    expect(vi.getTimerCount()).toBe(1)
    deliver('whk_a', 2_000)
    await someTime()
    expect([left(), vi.getTimerCount()]).toEqual([0, 0])
  })

  it('of a quick webhook is not held up by a slow one’s before it', async () => {
    const { write, deliver, lanes, reads, someTime } = aProcess()
    write([...times(2_000, 'whk_slow'), ...times(2_000, 'whk_quick'), ...times(1_000, 'whk_third')])
    write([...times(2_000, 'whk_slow'), ...times(3_000, 'whk_quick')])
    for (let delivered = 0; delivered < 5_000; delivered += 500) {
      expect(lanes.get('whk_quick')!.queued).toBeGreaterThan(0)
      deliver('whk_quick', 500)
      await someTime()
      await someTime()
    }
    expect(lanes.get('whk_slow')!.queued).toBe(2_000)
    expect(new Set(reads)).toEqual(new Set(['whk_quick']))
  })

  it('of webhooks that all work has its turn for each, however many lie before it', async () => {
    const { write, deliver, lanes, someTime } = aProcess({ portion: 8 })
    write([...times(2_000, 'whk_many'), ...times(2_000, 'whk_few'), ...times(1_001, 'whk_third')])
    write([...times(20_000, 'whk_many'), ...times(1_000, 'whk_few')])
    deliver('whk_few', 2_000)
    for (let look = 0; look < 20; look++) {
      deliver('whk_many', 500)
      await someTime()
    }
    expect(lanes.get('whk_few')!.queued).toBeGreaterThan(64)
  })

  it('does not begin while a lane is stopped, or would take too long: these put off', () => {
    const { write, lanes, taken, left } = aProcess({ msEach: 31 })
    write(times(2_000, 'whk_slow'))
    write(times(100, 'whk_slow'))
    expect([taken.length, left()]).toEqual([2_100, 0])
    lanes.get('whk_slow')!.isStopped = true
    write(times(100, 'whk_slow'))
    expect(left()).toBe(0)
  })

  it('is taken in at once, to be put off, when its lane stops', async () => {
    const { write, lanes, taken, left, someTime } = aProcess()
    write(times(2_000, 'whk_a'))
    write(times(1_000, 'whk_a'))
    expect(left()).toBe(1_000)
    lanes.get('whk_a')!.isStopped = true
    for (let i = 0; i < 5; i++) await someTime()
    expect([taken.length, left()]).toEqual([3_000, 0])
  })

  it('does not fill the process when its lane stops: it is put off as fast as that is written', async () => {
    const { write, lanes, taken, memory, left, someTime } = aProcess()
    write(times(20_000, 'whk_a'))
    expect(left()).toBe(18_000)
    lanes.get('whk_a')!.isStopped = true
    for (let look = 0; look < 20; look++) await someTime()
    expect(memory.live.isFull).toBe(false)
    expect(taken.length).toBeGreaterThan(14_000)
    while (memory.live.records > 0) memory.live.remove(100)
    for (let look = 0; look < 20; look++) await someTime()
    expect([taken.length, left()]).toEqual([20_000, 0])
  })

  it('is no test, and no chain that replaces another one', () => {
    const { write, left } = aProcess()
    write(times(2_000, 'whk_a'))
    write(times(10, 'whk_a'), { trigger: 'test' })
    write(times(10, 'whk_a'), { chain: '1' })
    expect(left()).toBe(0)
  })

  it('ends where commits cannot name what passed by it, and is taken in from there', async () => {
    const { write, lanes, state, left, someTime } = aProcess()
    write(times(3_000, 'whk_slow'))
    expect(left()).toBe(1_000)
    state.named = false
    write(times(10, 'whk_slow'))
    expect([lanes.get('whk_slow')!.queued, left()]).toEqual([2_010, 1_000])
    for (let look = 0; look < 10; look++) await someTime()
    expect([lanes.get('whk_slow')!.queued, left()]).toEqual([3_010, 0])
  })

  it('ends where more passed by it than each commit should look at', async () => {
    const { write, deliver, lanes, left, someTime } = aProcess()
    write(times(3_000, 'whk_slow'))
    for (let batch = 0; batch < 101; batch++) {
      write(times(1_000, 'whk_quick'))
      deliver('whk_quick', 1_000)
    }
    write(times(10, 'whk_slow'))
    expect([lanes.get('whk_slow')!.queued, left()]).toEqual([2_010, 1_000])
    for (let look = 0; look < 10; look++) await someTime()
    expect([lanes.get('whk_slow')!.queued, left()]).toEqual([3_010, 0])
  })

  it('is taken in, to be put off, when it was left for too long', async () => {
    const { write, lanes, left } = aProcess()
    write(times(3_000, 'whk_a'))
    expect([lanes.get('whk_a')!.queued, left()]).toEqual([2_000, 1_000])
    await vi.advanceTimersByTimeAsync(119_000)
    expect(left()).toBe(1_000)
    await vi.advanceTimersByTimeAsync(2_000)
    expect([lanes.get('whk_a')!.queued, left()]).toEqual([3_000, 0])
  })

  it('is the new owner’s when the partition is lost, also while it is being read', async () => {
    const { inLog, write, deliver, taken, state, left, someTime } = aProcess()
    write(times(2_000, 'whk_a'))
    write(times(1_000, 'whk_a'))
    state.owned = false
    deliver('whk_a', 2_000)
    await someTime()
    expect(taken).toHaveLength(2_000)
    inLog.dropLost()
    expect(left()).toBe(0)
  })

  it('is tried again, loudly, when the broker is away', async () => {
    const { write, deliver, taken, errors, state, someTime } = aProcess()
    write(times(2_000, 'whk_a'))
    write(times(100, 'whk_a'))
    state.down = true
    deliver('whk_a', 2_000)
    await someTime()
    expect(errors).toHaveLength(1)
    state.down = false
    await vi.advanceTimersByTimeAsync(1_100)
    expect(taken).toHaveLength(2_100)
  })

  it('that is gone is told, and holds the partition up no longer', async () => {
    const { write, deliver, deleteUpTo, taken, completed, errors, left } = aProcess()
    write(times(2_000, 'whk_a'))
    write(times(3, 'whk_a'))
    deleteUpTo(2_002)
    deliver('whk_a', 2_000)
    await vi.advanceTimersByTimeAsync(1_100)
    expect(errors.slice(1)).toEqual(
      [2_000, 2_001].map((offset) => expect.objectContaining({ offset, webhookId: 'whk_a' })),
    )
    expect(completed).toEqual(expect.arrayContaining([2_000, 2_001]))
    expect([taken.at(-1), left()]).toEqual(['whk_a 2002', 0])
  })

  it('that is gone from the middle is told as well', async () => {
    const { write, deliver, log, completed, errors, left, someTime } = aProcess()
    write(times(2_000, 'whk_a'))
    write(times(3, 'whk_a'))
    for (let offset = 0; offset <= 2_000; offset++) log[offset] = log[2_001]!
    deliver('whk_a', 2_000)
    await someTime()
    expect(errors).toEqual([expect.objectContaining({ offset: 2_000, webhookId: 'whk_a' })])
    expect(completed).toContain(2_000)
    expect(left()).toBe(0)
  })

  it('is forgotten when the partition begins anew', () => {
    const { write, log, beginAnew, left } = aProcess()
    write(times(2_000, 'whk_a'))
    write(times(3, 'whk_a'))
    expect(left()).toBe(3)
    log.length = 0
    beginAnew()
    write(['whk_b'])
    expect(left()).toBe(0)
  })

  it('goes on where the others hold nearly all that the process may, and do not work it off', async () => {
    const { write, deliver, taken, memory, someTime } = aProcess()
    write(times(2_000, 'whk_a'))
    write(times(100, 'whk_a'))
    while (memory.live.share < 0.85) memory.live.add(100)
    for (let round = 0; round < 20; round++) {
      deliver('whk_a', 2_000)
      await someTime()
    }
    expect(taken).toHaveLength(2_100)
    expect(memory.live.share).toBeLessThan(0.9)
  })

  it('waits while the process is full', async () => {
    const { write, deliver, taken, memory, someTime } = aProcess()
    write(times(2_000, 'whk_a'))
    write(times(100, 'whk_a'))
    while (!memory.live.isFull) memory.live.add(100)
    deliver('whk_a', 2_000)
    await someTime()
    expect(taken).toHaveLength(2_000)
  })
})
