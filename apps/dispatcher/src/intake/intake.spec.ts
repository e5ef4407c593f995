import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Delivery, RetrySchedule } from '#domain'
import { type BatchHolding, type ConsumedRecord, RecordBatch } from '#kafka'
import { Registry } from '#telemetry'
import { TopicMap, decodeDelivery, encodeDelivery } from '#topics'
import { aDelivery } from '../../../../libs/domain/src/builders.testing.js'
import { received } from '../../../../libs/topics/src/received.testing.js'
import { DispatchMetrics } from '../dispatch-metrics.js'
import { Intake } from './intake.js'
import { MemoryBounds } from '../memory-bounds.js'
import { UnknownPast } from '../past/unknown-past.js'
import { READ_AHEAD_MS, WaitingRoom } from './waiting-room.js'
import type { Work } from '../work.js'

const schedule = RetrySchedule.parse('10s,1m,6m,36m,3h36m')
const topics = new TopicMap({
  prefix: '',
  schedule,
  eventRetentionMs: 1,
  deliveryRetentionMs: 1,
  deliveryMaxAgeMs: 86_400_000,
})
const TIER = topics.tier(schedule.tiers[2]!)

beforeEach(() => void vi.useFakeTimers({ now: 0 }))
afterEach(() => void vi.useRealTimers())

/** An intake in front of lanes that take everything. */
function anIntake(knownPast?: UnknownPast) {
  const offered: string[] = []
  const sifted: { batch: RecordBatch; offsets: number[] }[] = []
  const asked: string[] = []
  const seen: string[] = []
  const dropped: string[] = []
  const ended = new Set<string>()
  const unreadable: string[] = []
  const relieve = vi.fn()
  const memory = new MemoryBounds()
  const waitingRoom = new WaitingRoom(memory, schedule)
  const state = { isPast: false, isUncommitted: false, hasReplayRoom: true, failures: 0 }
  let takeLeft: (record: ConsumedRecord, batch: RecordBatch) => void = () => {}
  const stopLeft = vi.fn()
  const intake = new Intake(
    {
      offer: ({ delivery }: Work) => state.hasReplayRoom && offered.push(delivery.id) > 0,
      whenReplayRoom: () => {},
      relieve,
    } as never,
    { dropLost: () => dropped.push('lanes') } as never,
    waitingRoom,
    { undecodable: (_: unknown, __: unknown, problem: string) => unreadable.push(problem) } as never,
    memory,
    {
      sift: (batch: RecordBatch, records = batch.records) =>
        sifted.push({ batch, offsets: records.map(({ offset }) => offset) }),
      listen: (take: typeof takeLeft) => (takeLeft = take),
      dropLost: () => dropped.push('left in the log'),
      stop: stopLeft,
    } as never,
    knownPast ??
      ({
        concerns: () => state.isPast,
        withoutEnded: async (works: Work[]) => {
          if (state.failures-- > 0) throw new Error('away')
          return works.filter(({ delivery }) => !ended.has(delivery.id))
        },
      } as never),
    {
      concerns: () => state.isUncommitted,
      withoutDelivered: ({ records }: RecordBatch) =>
        Promise.resolve(records.filter((record) => !ended.has(decodeDelivery(record).id))),
    } as never,
    { saw: ({ id, chain }: Delivery) => seen.push(`${id}/${chain}`) } as never,
    topics,
    schedule,
    new DispatchMetrics(new Registry()),
    { error() {} } as never,
  )
  intake.attach({
    pause: (topic, partition, reason) => asked.push(`pause ${topic}/${partition}: ${reason}`),
    resume: (topic, partition, reason) => asked.push(`resume ${topic}/${partition}: ${reason}`),
    rewind: (topic, partition, offset) => asked.push(`rewind ${topic}/${partition} to ${offset}`),
    pauseAll: (reason) => asked.push(`pause all: ${reason}`),
    resumeAll: (reason) => asked.push(`resume all: ${reason}`),
  })
  return {
    intake,
    offered,
    sifted,
    asked,
    seen,
    dropped,
    ended,
    unreadable,
    relieve,
    memory,
    state,
    stopLeft,
    takeLeft: (record: ConsumedRecord, batch: RecordBatch) => takeLeft(record, batch),
  }
}

function aBatch(topic: string, deliveries: Partial<Delivery>[], partition = { lost: false }): RecordBatch {
  const records = deliveries.map((delivery, i) => ({
    ...received(encodeDelivery(topic, aDelivery({ id: `dlv_${i}`, ...delivery }))),
    topic,
    partition: 2,
    offset: 100 + i,
  }))
  const isOwned = () => !partition.lost
  const holding: BatchHolding = { complete: () => {}, isOwned, isHeld: isOwned, isNamed: () => true }
  return new RecordBatch(topic, 2, 1, records, 200, holding)
}
const deferred = (notBefore: number) => ({ attempt: 2, notBefore, isDeferred: true })

describe('deliveries that may be attempted at once', () => {
  const batch = aBatch(topics.deliveries, [{ chain: 1 }, {}])

  it('go to their lanes, or stay in the log until their turn comes', () => {
    const { intake, sifted, offered, seen, takeLeft } = anIntake()
    void intake.now(batch)
    expect([sifted, offered]).toEqual([[{ batch, offsets: [100, 101] }], []])
    takeLeft(batch.records[0]!, batch.withoutRecords())
    expect([offered, seen]).toEqual([['dlv_0'], ['dlv_0/1']])
  })

  it('are looked up first where nobody knows which are done, and do not stay in the log', async () => {
    const { intake, sifted, offered, ended, state } = anIntake()
    state.isPast = true
    ended.add('dlv_0')
    await intake.now(batch)
    expect([sifted, offered]).toEqual([[], ['dlv_1']])
  })

  it('are looked up first where an owner may have been killed before it had committed', async () => {
    const { intake, sifted, ended, state } = anIntake()
    state.isUncommitted = true
    ended.add('dlv_0')
    await intake.now(batch)
    expect(sifted).toEqual([{ batch, offsets: [101] }])
  })

  it.each(['isPast', 'isUncommitted'] as const)(
    'are dropped where the partition is lost while they are looked up (%s)',
    async (which) => {
      const { intake, sifted, offered, state } = anIntake()
      state[which] = true
      const partition = { lost: false }
      const lookedUp = intake.now(aBatch(topics.deliveries, [{}], partition))
      partition.lost = true
      await lookedUp
      expect([sifted, offered]).toEqual([[], []])
    },
  )
})

describe('deliveries of a tier', () => {
  it('go to their lanes when they are due', () => {
    const { intake, offered } = anIntake()
    void intake.later(aBatch(TIER, [deferred(1_000), deferred(5_000)]))
    vi.advanceTimersByTime(999)
    expect(offered).toEqual([])
    vi.advanceTimersByTime(1)
    expect(offered).toEqual(['dlv_0'])
    vi.advanceTimersByTime(4_000)
    expect(offered).toEqual(['dlv_0', 'dlv_1'])
  })

  it('come back later by up to a tenth of the tier’s delay, so that they do not come together', () => {
    const { intake, offered } = anIntake()
    const retries = Array.from({ length: 100 }, () => ({ attempt: 2, notBefore: 1_000 }))
    void intake.later(aBatch(TIER, retries))
    vi.advanceTimersByTime(1_000 + schedule.shortestMs / 10)
    expect(offered.length).toBeLessThan(50)
    vi.advanceTimersByTime(schedule.tiers[2]!.delayMs / 10)
    expect(offered).toHaveLength(100)
  })

  it('of a schedule of before go to their lanes at their time, without jitter', () => {
    const { intake, offered } = anIntake()
    const [first] = schedule.tiers
    const topic = topics.tier({ ...first!, name: '7m' })
    void intake.later(aBatch(topic, [{ attempt: 2, notBefore: 1_000 }]))
    vi.advanceTimersByTime(999)
    expect(offered).toEqual([])
    vi.advanceTimersByTime(1)
    expect(offered).toEqual(['dlv_0'])
  })

  it('are looked up first where nobody knows which are done', async () => {
    const { intake, offered, ended, state } = anIntake()
    state.isPast = true
    ended.add('dlv_1')
    await intake.later(aBatch(TIER, [deferred(1), deferred(1)]))
    vi.advanceTimersByTime(1)
    expect(offered).toEqual(['dlv_0'])
  })

  it('are looked up once: with the read model away what comes again goes on, and holds nobody up', async () => {
    const among = vi.fn().mockResolvedValueOnce(new Map()).mockRejectedValue(new Error('away'))
    const past = new UnknownPast({ among } as never, { saw() {} } as never, 86_400_000, { warn() {} } as never)
    const { intake, asked, offered } = anIntake(past)
    const hour = 3_600_000
    const batch = aBatch(TIER, [deferred(hour)])
    past.takenOver([{ topic: TIER, partition: 2 }], batch.records[0]!.timestamp + 1)
    await intake.later(batch)
    expect([among.mock.calls.length, asked.at(-1)]).toEqual([1, `rewind ${TIER}/2 to 100`])
    vi.advanceTimersByTime(hour - READ_AHEAD_MS)
    await intake.later(batch)
    vi.advanceTimersByTime(READ_AHEAD_MS)
    expect(offered).toEqual(['dlv_0'])
  })

  it('that are due much later go back to the log with all behind them, until it is nearly time', () => {
    const { intake, asked, offered } = anIntake()
    const hour = 3_600_000
    void intake.later(aBatch(TIER, [deferred(1), deferred(hour), deferred(1)]))
    expect(asked).toEqual([`pause ${TIER}/2: not due`, `rewind ${TIER}/2 to 101`])
    vi.advanceTimersByTime(hour - READ_AHEAD_MS - 1)
    expect([asked.length, offered]).toEqual([2, ['dlv_0']])
    vi.advanceTimersByTime(1)
    expect(asked.at(-1)).toBe(`resume ${TIER}/2: not due`)
  })

  it('that find no room go back to the log until half of what waits is gone', () => {
    const { intake, asked } = anIntake()
    const many = Array.from({ length: 2_001 }, (_, i) => deferred(i + 1))
    void intake.later(aBatch(TIER, many))
    expect(asked).toEqual([`pause ${TIER}/2: full`, `rewind ${TIER}/2 to 2100`])
    vi.advanceTimersByTime(999)
    expect(asked).toHaveLength(2)
    vi.advanceTimersByTime(1)
    expect(asked.slice(2)).toEqual([`resume ${TIER}/2: full`])
  })

  it('that find no room in the process go back until it has some, whatever waits of their partition', () => {
    const { intake, asked, memory } = anIntake()
    while (!memory.tiers.isFull) memory.tiers.add(1)
    void intake.later(aBatch(TIER, [deferred(1)]))
    expect(asked).toEqual([`pause ${TIER}/2: full`, `rewind ${TIER}/2 to 100`])
    while (memory.tiers.isFull) memory.tiers.remove(1)
    expect(asked.slice(2)).toEqual([`resume ${TIER}/2: full`])
  })
})

describe('a process that holds too much', () => {
  it('reads nothing, and gives back at once and again and again, until it holds half', () => {
    const { asked, memory, relieve } = anIntake()
    while (!memory.live.isFull) memory.live.add(1)
    expect([asked, relieve.mock.calls.length]).toEqual([['pause all: memory'], 1])
    vi.advanceTimersByTime(1_000)
    expect(relieve).toHaveBeenCalledTimes(3)
    while (memory.live.isFull) memory.live.remove(1)
    expect(asked).toEqual(['pause all: memory', 'resume all: memory'])
    vi.advanceTimersByTime(1_000)
    expect(relieve).toHaveBeenCalledTimes(3)
  })
})

describe('a record that nobody can read', () => {
  it('goes to the dead letters, and the others of its batch go on', () => {
    const { intake, offered, unreadable } = anIntake()
    const batch = aBatch(TIER, [deferred(1), deferred(1)])
    delete batch.records[0]!.headers['event-id']
    void intake.later(batch)
    vi.advanceTimersByTime(1)
    expect(offered).toEqual(['dlv_1'])
    expect(unreadable).toEqual([expect.stringContaining('event-id')])
  })

  it('goes there once, when its turn comes: not each time that it is read behind one that is not due', () => {
    const { intake, unreadable } = anIntake()
    const hour = 3_600_000
    const batch = aBatch(TIER, [deferred(hour), {}])
    delete batch.records[1]!.headers['event-id']
    for (let i = 0; i < 3; i++) void intake.later(batch)
    expect(unreadable).toEqual([])
    vi.advanceTimersByTime(hour)
    void intake.later(batch)
    expect(unreadable).toHaveLength(1)
  })

  it('goes there once, too, when it is before one that is given back', () => {
    const { intake, unreadable, asked } = anIntake()
    const batch = aBatch(TIER, [{}, deferred(3_600_000), {}])
    for (const record of [batch.records[0]!, batch.records[2]!]) delete record.headers['event-id']
    void intake.later(batch)
    expect([unreadable.length, asked.at(-1)]).toEqual([1, `rewind ${TIER}/2 to 101`])
  })

  it.each([
    ['now', topics.deliveries],
    ['later', TIER],
    ['replays', topics.replay],
  ] as const)('goes there once, however often the read model is asked about the others: %s', async (where, topic) => {
    const { intake, unreadable, state } = anIntake()
    Object.assign(state, { isPast: true, failures: 2 })
    const batch = aBatch(topic, [{}, {}])
    delete batch.records[1]!.headers['event-id']
    for (let i = 0; i < 2; i++) await expect(intake[where](batch)).rejects.toThrow('away')
    expect(unreadable).toEqual([])
    await intake[where](batch)
    expect(unreadable).toHaveLength(1)
  })

  it('is left to the new owner where the partition is lost while the read model is asked', async () => {
    const { intake, unreadable, state } = anIntake()
    state.isPast = true
    const partition = { lost: false }
    const batch = aBatch(TIER, [{}], partition)
    delete batch.records[0]!.headers['event-id']
    const lookedUp = intake.later(batch)
    partition.lost = true
    await lookedUp
    expect(unreadable).toEqual([])
  })
})

describe('partitions that were lost', () => {
  it('leave nothing behind: in the lanes, in the log, or on the way there', () => {
    const { intake, offered, dropped, memory, state } = anIntake()
    const partition = { lost: false }
    state.hasReplayRoom = false
    void intake.replays(aBatch(topics.replay, [{ trigger: 'replay' }], partition))
    void intake.later(aBatch(TIER, [deferred(1)], partition))
    expect(memory.records).toBe(2)
    partition.lost = true
    intake.dropLost()
    expect(memory.records).toBe(0)
    state.hasReplayRoom = true
    vi.advanceTimersByTime(1)
    expect(offered).toEqual([])
    expect(dropped.toSorted()).toEqual(['lanes', 'left in the log'])
  })
})

it('begins nothing once it was stopped', () => {
  const { intake, asked, offered, memory, relieve, stopLeft } = anIntake()
  void intake.later(aBatch(TIER, [deferred(1), deferred(3_600_000)]))
  while (!memory.live.isFull) memory.live.add(1)
  const before = asked.length
  intake.stop()
  vi.advanceTimersByTime(3_600_000)
  expect([offered, asked.length, relieve.mock.calls.length]).toEqual([[], before, 1])
  expect([stopLeft.mock.calls.length, vi.getTimerCount()]).toEqual([1, 0])
})
