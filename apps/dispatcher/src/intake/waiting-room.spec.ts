import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { RetrySchedule } from '#domain'
import { MemoryBounds } from '../memory-bounds.js'
import { READ_AHEAD_MS, WaitingRoom } from './waiting-room.js'
import { someWork } from '../work.testing.js'
import type { Work } from '../work.js'

const TIER_MS = 10_000

beforeEach(() => {
  vi.useFakeTimers({ now: 0 })
})
afterEach(() => {
  vi.useRealTimers()
})

const aRoom = (schedule = '10s,1m,6m,36m,3h36m') => {
  const due: { work: Work; at: number }[] = []
  const rooms: string[] = []
  const memory = new MemoryBounds()
  const room = new WaitingRoom(memory, RetrySchedule.parse(schedule))
  room.listen(
    (work) => due.push({ work, at: Date.now() }),
    (topic, partition) => rooms.push(`${topic}/${partition}`),
  )
  return { room, due, rooms, memory }
}
const aRetry = (notBefore: number, more = {}) => someWork({ attempt: 2, notBefore, ...more }, { topic: 'tier' })

describe('the waiting room', () => {
  it('hands a retry out after its time and within the jitter, never before', () => {
    const { room, due } = aRoom()
    for (let i = 0; i < 200; i++) room.admit(aRetry(5_000), TIER_MS, 0)
    vi.advanceTimersByTime(4_999)
    expect(due).toEqual([])
    vi.advanceTimersByTime(1_001)
    expect(due).toHaveLength(200)
    for (const { at } of due) expect(at).toBeGreaterThanOrEqual(5_000)
    expect(new Set(due.map(({ at }) => at)).size).toBeGreaterThan(50)
  })

  it('hands what was put off out at its very time', () => {
    const { room, due } = aRoom()
    room.admit(aRetry(5_000, { isDeferred: true }), TIER_MS, 0)
    vi.advanceTimersByTime(5_000)
    expect(due.map(({ at }) => at)).toEqual([5_000])
  })

  it('leaves in the log what is due later than it reads ahead, and says when to look again', () => {
    const { room } = aRoom()
    expect(room.admit(aRetry(700_000), TIER_MS, 0)).toEqual({ kind: 'later', readAgainAt: 700_000 - READ_AHEAD_MS })
    expect(room.size).toBe(0)
  })

  it('takes some of what is due later, so that what is due sooner behind it is on time', () => {
    const { room, due } = aRoom()
    const far = { kind: 'later', readAgainAt: 360_000 - READ_AHEAD_MS }
    for (let i = 0; i < 1_000; i++) {
      expect(room.admit(aRetry(360_000, { isDeferred: true }), TIER_MS, 0)).toEqual({ kind: 'taken' })
    }
    expect(room.admit(aRetry(360_000, { isDeferred: true }), TIER_MS, 0)).toEqual(far)
    expect(room.admit(aRetry(5_000, { isDeferred: true }), TIER_MS, 0)).toEqual({ kind: 'taken' })
    vi.advanceTimersByTime(5_000)
    expect(due).toHaveLength(1)
    vi.advanceTimersByTime(355_000)
    expect(due).toHaveLength(1_001)
    const later = aRetry(720_000, { isDeferred: true })
    expect(room.admit(later, TIER_MS, 360_000)).toEqual({ kind: 'taken' })
  })

  it('takes what is due within the delay of its tier, so that a schedule of long waits makes nobody late', () => {
    const { room, due } = aRoom('15m,1h,4h,8h,10h')
    expect(room.admit(aRetry(900_000), 900_000, 0)).toEqual({ kind: 'taken' })
    expect(room.admit(aRetry(5_000, { isDeferred: true }), 900_000, 0)).toEqual({ kind: 'taken' })
    vi.advanceTimersByTime(5_000)
    expect(due.map(({ at }) => at)).toEqual([5_000])
  })

  it('leaves in the log what is due in more than an hour, and what is due much later in a longer tier', () => {
    const { room } = aRoom('2h,3h,4h,8h,10h')
    const hour = 3_600_000
    const kindOf = (notBefore: number, tierDelayMs: number) => room.admit(aRetry(notBefore), tierDelayMs, 0).kind
    expect([kindOf(hour, 2 * hour), kindOf(2 * hour, 2 * hour)]).toEqual(['taken', 'later'])
    expect([kindOf(600_000, 3 * hour), kindOf(900_000, 3 * hour)]).toEqual(['taken', 'later'])
  })

  it('takes at most 2,000 of a partition, and says so when half of them are gone', () => {
    const { room, rooms } = aRoom()
    for (let i = 0; i < 2_000; i++) {
      expect(room.admit(aRetry(i, { isDeferred: true }), TIER_MS, 0)).toEqual({ kind: 'taken' })
    }
    expect(room.admit(aRetry(0), TIER_MS, 0)).toEqual({ kind: 'full' })
    vi.advanceTimersByTime(998)
    expect(rooms).toEqual([])
    vi.advanceTimersByTime(1)
    expect(rooms).toEqual(['tier/0'])
  })

  it('takes no more than it has room for over all partitions, however much is live', () => {
    const { room, memory } = aRoom()
    for (let i = 0; i < 25_000; i++) memory.live.add(1_024)
    const admit = (index: number) =>
      room.admit(someWork({ notBefore: 1_000, isDeferred: true }, { topic: 'tier', index }), TIER_MS, 0)
    for (let i = 0; i < 12_000; i++) expect(admit(i % 12)).toEqual({ kind: 'taken' })
    expect(admit(1)).toEqual({ kind: 'full' })
    vi.advanceTimersByTime(1_000)
    expect(admit(1)).toEqual({ kind: 'taken' })
  })

  it('leaves room for what is due, however large what is due later is', () => {
    const { room } = aRoom()
    const admit = (notBefore: number, index: number) => {
      const body = Buffer.alloc(64 * 1024)
      return room.admit(someWork({ notBefore, isDeferred: true, body }, { topic: 'tier', index }), TIER_MS, 0).kind
    }
    const far = Array.from({ length: 1_000 }, (_, i) => admit(300_000, i % 12))
    expect(far.filter((kind) => kind === 'taken').length).toBeLessThan(200)
    expect(far.filter((kind) => kind === 'full')).toEqual([])
    for (let i = 0; i < 200; i++) expect(admit(5_000, i % 12)).toBe('taken')
  })

  it('starts with an earlier time when a record with one comes after a later one', () => {
    const { room, due } = aRoom()
    room.admit(aRetry(20_000, { isDeferred: true }), TIER_MS, 0)
    room.admit(aRetry(1_000, { isDeferred: true }), TIER_MS, 0)
    vi.advanceTimersByTime(1_000)
    expect(due).toHaveLength(1)
  })

  it('forgets what another process owns now', () => {
    const { room, due, memory } = aRoom()
    const partition = { topic: 'tier', lost: false }
    room.admit(someWork({ notBefore: 1_000, isDeferred: true }, partition), TIER_MS, 0)
    partition.lost = true
    room.dropLost()
    vi.advanceTimersByTime(2_000)
    expect(due).toEqual([])
    expect(memory.records).toBe(0)
  })
})
