import { describe, expect, it } from 'vitest'
import type { AttemptOutcome } from '../attempt.js'
import { Lane } from './lane.js'

const TIERS = { shortestMs: 10_000, longestMs: 12_960_000 }
const ok: AttemptOutcome = { kind: 'succeeded', status: 200 }
const broken: AttemptOutcome = { kind: 'failed', reason: 'http_status', status: 500 }
const hung: AttemptOutcome = { kind: 'failed', reason: 'timeout' }

const aLane = () => new Lane(TIERS)
const queue = (lane: Lane, count: number) => {
  for (let i = 0; i < count; i++) lane.enqueued()
}
let settledSoFar = 0
/** Of a delivery of its own. */
const settle = (lane: Lane, outcome: AttemptOutcome, startedAt: number, latencyMs: number) =>
  lane.settled({ deliveryId: `dlv_${settledSoFar++}`, outcome, startedAt, latencyMs }, startedAt + latencyMs)
/** Runs one attempt after the other. */
const attempts = (lane: Lane, count: number, outcome: AttemptOutcome, latencyMs = 5, from = 0) => {
  for (let i = 0; i < count; i++) {
    lane.enqueued()
    lane.started(0)
    settle(lane, outcome, from, latencyMs)
  }
}

describe('a lane that probes first', () => {
  it('goes alone until a success of what began since: one that was under way to the receiver of before says nothing', () => {
    const lane = aLane()
    queue(lane, 3)
    lane.started(0)
    lane.probeFirst(1_000)
    settle(lane, ok, 999, 6)
    lane.started(0)
    expect(lane.mayStart(1_010)).toBe(false)
    settle(lane, ok, 1_010, 5)
    expect(lane.mayStart(1_020)).toBe(true)
    lane.started(0)
    queue(lane, 1)
    expect(lane.mayStart(1_020)).toBe(true)
  })

  it('does not wait for what is under way to the receiver of before, nor for what was learnt of it', () => {
    const lane = aLane()
    attempts(lane, 5, hung, 5_000)
    expect(lane.cap.limit).toBeLessThan(16)
    queue(lane, 4)
    lane.started(10_000)
    lane.probeFirst(11_000)
    expect(lane.mayStart(11_000)).toBe(true)
    expect(lane.standing(11_000)).toBe('untried')
    lane.started(11_000)
    expect(lane.mayStart(11_000)).toBe(false)
    settle(lane, ok, 11_000, 5)
    expect(lane.cap.limit).toBe(16)
    expect(lane.standing(14_000)).toBe('proven')
    lane.abandoned(false, 10_000)
    expect(lane.standing(15_000)).toBe('proven')
    expect([lane.inFlight, lane.mayStart(15_000)]).toEqual([0, true])
  })

  it('counts what was begun in the very moment of the change for the new receiver', () => {
    const lane = aLane()
    queue(lane, 3)
    lane.started(1_000)
    lane.probeFirst(1_000)
    settle(lane, broken, 1_000, 5)
    lane.started(1_010)
    expect([lane.inFlight, lane.mayStart(1_010)]).toEqual([1, false])
  })

  it('is not paused by what the receiver of before asks for', () => {
    const lane = aLane()
    queue(lane, 2)
    lane.started(0)
    lane.probeFirst(1_000)
    settle(lane, { ...broken, status: 503, retryAfterMs: 60_000 } as AttemptOutcome, 990, 15)
    expect(lane.mayStart(1_010)).toBe(true)
  })
})

describe('what a lane holds', () => {
  it('is at least 64 deliveries, also for a slow receiver', () => {
    const lane = aLane()
    attempts(lane, 100, ok, 4_000)
    expect(lane.capacity).toBe(64)
  })

  it('is at most 2,000, also for a quick one', () => {
    const lane = aLane()
    attempts(lane, 100, ok, 1)
    expect(lane.capacity).toBe(2_000)
  })

  it('is what it finishes within the shortest tier', () => {
    const lane = aLane()
    attempts(lane, 200, ok, 160)
    // 16 under way at 160 ms each: 100 a second, ten seconds long.
    expect(lane.capacity).toBeGreaterThan(900)
    expect(lane.capacity).toBeLessThan(1_100)
  })

  it('puts off the rest until the lane will have come to it, one after the other', () => {
    const lane = aLane()
    attempts(lane, 200, ok, 160)
    queue(lane, lane.capacity)
    const first = lane.place(1_000)
    lane.wasDeferred()
    const second = lane.place(1_000)
    if (first.kind !== 'defer' || second.kind !== 'defer') throw new Error('expected both to be put off')
    expect(first.until - 1_000).toBeGreaterThan(9_000)
    expect(second.until - first.until).toBeCloseTo(1_000 / lane.ratePerSecond, 3)
  })
})

describe('what a lane is given', () => {
  it('is unfinished while it is queued, under way or put off, also of a replay', () => {
    const lane = aLane()
    queue(lane, 3)
    lane.started(0)
    lane.enqueued(true)
    lane.enqueued(true)
    lane.started(0, true)
    lane.wasDeferred()
    expect([lane.queued, lane.queuedReplays, lane.inFlight, lane.unfinished]).toEqual([2, 1, 2, 6])
  })

  it('is worked off at the pace of many answers: one that was slow does not halve it', () => {
    const lane = aLane()
    attempts(lane, 200, ok, 100)
    const before = lane.ratePerSecond
    attempts(lane, 1, ok, 1_000)
    expect(lane.ratePerSecond).toBeLessThan(before)
    expect(lane.ratePerSecond).toBeGreaterThan(before / 2)
  })
})

describe('a sign of overload', () => {
  const answered = (status: number): AttemptOutcome => ({ kind: 'failed', reason: 'http_status', status })
  const without = (reason: 'timeout' | 'connection_lost' | 'connect' | 'dns'): AttemptOutcome => ({
    kind: 'failed',
    reason,
  })
  const gone: AttemptOutcome = { kind: 'refused', reason: 'gone', status: 410 }

  it.each([without('timeout'), without('connection_lost'), without('connect'), answered(429), answered(503)])(
    'halves what may be under way: %o',
    (outcome) => {
      const lane = aLane()
      const before = lane.cap.limit
      attempts(lane, 1, outcome)
      expect(lane.cap.limit).toBe(before / 2)
    },
  )

  it.each([answered(500), answered(404), without('dns'), gone])('is none of the others: %o', (outcome) => {
    const lane = aLane()
    const before = lane.cap.limit
    attempts(lane, 1, outcome)
    expect(lane.cap.limit).toBe(before)
  })
})

describe('an attempt without an answer', () => {
  it.each([hung, { kind: 'failed', reason: 'connection_lost' }] as const)(
    'is remembered until the next one: $reason',
    (outcome) => {
      const lane = aLane()
      attempts(lane, 1, outcome)
      expect(lane.wasUnanswered).toBe(true)
      attempts(lane, 1, broken)
      expect(lane.wasUnanswered).toBe(false)
    },
  )

  it('is none where no connection came about: one that waits may still be good', () => {
    const lane = aLane()
    attempts(lane, 1, { kind: 'failed', reason: 'connect' })
    expect(lane.wasUnanswered).toBe(false)
  })

  it.each([hung, { kind: 'failed', reason: 'connection_lost' }] as const)(
    'is none where it ended before there was a connection, and speaks against another all the same: $reason',
    (outcome) => {
      const lane = aLane()
      lane.enqueued()
      lane.started(0)
      lane.settled({ deliveryId: 'dlv_1', outcome, startedAt: 0, latencyMs: 5_000, isUnreached: true }, 5_000)
      expect(lane.wasUnanswered).toBe(false)
      expect(lane.standing(5_000)).toBe('unproven')
      attempts(lane, 1, outcome)
      expect(lane.wasUnanswered).toBe(true)
    },
  )

  it('is none where the receiver has answered, whatever it said', () => {
    const lane = aLane()
    expect(lane.wasUnanswered).toBe(false)
    for (const status of [429, 500, 503]) attempts(lane, 1, { kind: 'failed', reason: 'http_status', status })
    expect(lane.wasUnanswered).toBe(false)
  })
})

describe('what a lane puts off', () => {
  it('is nothing with fewer than ten unfinished deliveries, whatever the receiver answers', () => {
    const lane = aLane()
    attempts(lane, 30, broken)
    expect(lane.circuit.isOpen(10)).toBe(true)
    for (let i = 0; i < 9; i++) {
      expect(lane.place(10)).toEqual({ kind: 'queue' })
      lane.enqueued()
    }
    expect(lane.mayStart(10)).toBe(true)
    expect(lane.place(10).kind).toBe('queue')
    lane.enqueued()
    expect(lane.mayStart(10)).toBe(false)
    expect(lane.place(10).kind).toBe('defer')
  })

  it('comes back when the circuit lets a probe through, not before', () => {
    const lane = aLane()
    queue(lane, 20)
    attempts(lane, 10, hung, 5_000)
    const placement = lane.place(5_000)
    expect(placement.kind === 'defer' && placement.until).toBeGreaterThanOrEqual(10_000)
  })

  it('counts what is away, so that a dead receiver with a backlog is not called at each return', () => {
    const lane = aLane()
    attempts(lane, 10, broken)
    for (let i = 0; i < 20; i++) lane.wasDeferred()
    expect(lane.unfinished).toBe(20)
    expect(lane.place(10).kind).toBe('defer')
    for (let i = 0; i < 12; i++) lane.returned()
    expect(lane.place(10).kind).toBe('queue')
  })

  it('gives back all but a few when the circuit opens', () => {
    const lane = aLane()
    queue(lane, 50)
    attempts(lane, 10, broken)
    expect(lane.surplus(10)).toBe(41)
  })

  it('is promised a return at the pace of now, not at that of a time when the receiver hung', () => {
    const lane = aLane()
    attempts(lane, 40, hung, 5_000)
    while (lane.place(200_000).kind === 'defer' && lane.unfinished < 3_000) lane.wasDeferred()
    attempts(lane, 1_000, ok, 20, 600_000)
    while (lane.place(700_000).kind === 'queue') lane.enqueued()
    const { until } = lane.place(700_000) as { until: number }
    // Twice, since the queue is promised its time and what was put off again its own.
    const neededMs = (1_000 * lane.unfinished) / lane.ratePerSecond
    expect(until - 700_000).toBeLessThan(2 * neededMs)
  })

  it('gives back all when the few that are never put off are under way', () => {
    const lane = aLane()
    queue(lane, 30)
    for (let i = 0; i < 12; i++) lane.started(0)
    attempts(lane, 10, broken)
    expect(lane.surplus(10)).toBe(lane.queued)
  })

  it('gives back nothing while it may call', () => {
    const lane = aLane()
    queue(lane, 50)
    expect(lane.surplus(10)).toBe(0)
  })
})

describe('a receiver that asks for a pause', () => {
  const busy: AttemptOutcome = { kind: 'failed', reason: 'http_status', status: 429, retryAfterMs: 20_000 }

  it('is not called before it, also with few deliveries', () => {
    const lane = aLane()
    attempts(lane, 1, busy)
    expect(lane.place(19_000)).toEqual({ kind: 'queue' })
    lane.enqueued()
    expect([lane.isBlocked(19_000), lane.mayStart(19_000)]).toEqual([true, false])
    expect(lane.wakeAt(19_000)).toBe(20_005)
    expect([lane.isBlocked(20_005), lane.mayStart(20_005)]).toEqual([false, true])
  })

  it('is called after it also where live traffic and a replay wait', () => {
    const lane = aLane()
    attempts(lane, 1, busy)
    lane.enqueued()
    lane.enqueued(true)
    expect(lane.wakeAt(19_000)).toBe(20_005)
  })

  it('may be called sooner where that is taken back', () => {
    const lane = aLane()
    attempts(lane, 1, busy)
    lane.enqueued()
    lane.endPause()
    expect(lane.mayStart(10)).toBe(true)
  })

  it('for longer than memory should wait puts everything off', () => {
    const lane = aLane()
    attempts(lane, 1, { ...busy, retryAfterMs: 600_000 })
    expect(lane.place(10).kind).toBe('defer')
    lane.enqueued()
    expect(lane.surplus(10)).toBe(1)
  })

  it('has it for as long as the longest tier at most, whatever it asks for', () => {
    const lane = aLane()
    attempts(lane, 1, { ...busy, retryAfterMs: Number.MAX_SAFE_INTEGER }, 0)
    lane.enqueued()
    expect(lane.wakeAt(0)).toBe(TIERS.longestMs)
    expect(lane.mayStart(TIERS.longestMs)).toBe(true)
  })
})

describe('the standing of a lane', () => {
  it('is one attempt before anything is known', () => {
    const lane = aLane()
    expect(lane.standing(0)).toBe('untried')
    queue(lane, 2)
    lane.started(0)
    expect(lane.standing(0)).toBe('unproven')
  })

  it('is good for 30 s after a success, and lost with failures after that', () => {
    const lane = aLane()
    attempts(lane, 1, ok)
    attempts(lane, 1, broken)
    expect(lane.standing(29_000)).toBe('proven')
    expect(lane.standing(31_000)).toBe('unproven')
  })

  it('is lost at once by a receiver that hangs, and back with its next success', () => {
    const lane = aLane()
    attempts(lane, 1, ok)
    attempts(lane, 1, hung, 5_000)
    expect(lane.standing(5_000)).toBe('unproven')
    attempts(lane, 1, ok, 5, 5_000)
    expect(lane.standing(5_005)).toBe('proven')
  })

  it('is lost while nothing comes back: the first time-out is seconds away when a receiver begins to hang', () => {
    const lane = aLane()
    attempts(lane, 5, ok)
    queue(lane, 3)
    lane.started(10_000)
    lane.started(10_900)
    expect(lane.standing(11_000)).toBe('proven')
    expect(lane.standing(11_001)).toBe('unproven')
    settle(lane, ok, 10_900, 300)
    expect(lane.standing(11_201)).toBe('proven')
  })

  it('is kept by a receiver that takes its time and always did', () => {
    const lane = aLane()
    attempts(lane, 30, ok, 2_000)
    queue(lane, 1)
    lane.started(10_000)
    expect(lane.standing(13_000)).toBe('proven')
  })

  it('is that of one that nothing is known of, long after a success that followed a failure', () => {
    const lane = aLane()
    attempts(lane, 1, broken)
    attempts(lane, 1, ok)
    expect(lane.standing(3_600_000)).toBe('untried')
  })

  it('survives a quiet time', () => {
    const lane = aLane()
    attempts(lane, 1, ok)
    expect(lane.standing(3_600_000)).toBe('untried')
  })

  it('and its rate are not touched by a clock that is set back during an attempt', () => {
    const lane = aLane()
    queue(lane, 1)
    lane.started(10_000)
    lane.settled({ deliveryId: 'dlv_1', outcome: ok, startedAt: 10_000, latencyMs: 20 }, 4_000)
    expect(lane.ratePerSecond).toBeGreaterThan(0)
    expect(lane.putOffUntil(4_000)).toBeGreaterThan(4_000)
  })
})

describe('a circuit that opened', () => {
  const aLaneWithABacklog = () => {
    const lane = aLane()
    attempts(lane, 10, broken)
    queue(lane, 30)
    return lane
  }

  it('closes with the successes of its lane', () => {
    const lane = aLaneWithABacklog()
    expect([lane.mayStart(10), lane.isBlocked(10)]).toEqual([false, true])
    const reopened = lane.wakeAt(10)!
    for (let probe = 0; probe < 5; probe++) {
      expect(lane.mayStart(reopened)).toBe(true)
      lane.started(reopened)
      settle(lane, ok, reopened, 5)
    }
    expect(lane.circuit.limit(reopened + 5)).toBe(Infinity)
  })

  it('is no longer open for a receiver that is to be probed first', () => {
    const lane = aLaneWithABacklog()
    lane.probeFirst(10)
    expect([lane.isBlocked(10), lane.mayStart(10)]).toEqual([false, true])
  })
})

describe('a lane that may be forgotten', () => {
  const minutes = 60_000

  it('has had nothing to do for ten minutes, and succeeded last', () => {
    const lane = aLane()
    const succeededAt = 30 * minutes
    attempts(lane, 1, broken, 0)
    attempts(lane, 1, ok, 0, succeededAt)
    expect(lane.isForgettable(succeededAt + 10 * minutes)).toBe(false)
    expect(lane.isForgettable(succeededAt + 10 * minutes + 1)).toBe(true)
    queue(lane, 1)
    expect(lane.isForgettable(succeededAt + 11 * minutes)).toBe(false)
  })

  it('is not one that failed last, or that is to be probed', () => {
    const failed = aLane()
    attempts(failed, 1, ok, 0)
    attempts(failed, 1, broken, 0)
    const probed = aLane()
    attempts(probed, 1, ok, 0)
    probed.probeFirst(1)
    expect([failed.isForgettable(60 * minutes), probed.isForgettable(60 * minutes)]).toEqual([false, false])
  })

  it('is not one that asked for a pause, before that is over, also when it answered another request with success', () => {
    const lane = aLane()
    attempts(lane, 1, ok, 0)
    lane.pause(60 * minutes)
    expect([lane.isForgettable(59 * minutes), lane.isForgettable(60 * minutes)]).toEqual([false, true])
  })
})

describe('a replay in a lane that halved what may be under way', () => {
  it.each([
    [2, 1],
    [1, 1],
  ])('of %i takes %i', (cap, most) => {
    const lane = aLane()
    for (let at = 0; lane.cap.limit > cap; at += 10_000) attempts(lane, 1, hung, 5_000, at)
    for (let i = 0; i < 3; i++) lane.enqueued(true)
    const now = 100_000
    let started = 0
    for (; lane.mayStart(now); started++) lane.started(now, true)
    expect(started).toBe(most)
    queue(lane, 1)
    expect(lane.mayStart(now)).toBe(most < cap)
  })
})

it.each([
  ['grows while live traffic waits', (lane: Lane) => lane.enqueued(), 1],
  ['grows while a replay waits', (lane: Lane) => lane.enqueued(true), 1],
  ['stays as it is while nothing waits', () => undefined, 0],
])('what may be under way %s', (_, wait, more) => {
  const lane = aLane()
  const before = lane.cap.limit
  wait(lane)
  attempts(lane, before, ok)
  expect(lane.cap.limit).toBe(before + more)
})

it('starts no more than its cap', () => {
  const lane = aLane()
  queue(lane, 40)
  let started = 0
  while (lane.mayStart(0)) {
    lane.started(0)
    started++
  }
  expect(started).toBe(16)
})
