import { describe, expect, it } from 'vitest'
import { type AttemptOutcome, AttemptSlots } from '#domain'
import { ReadyRound, type Turn } from './ready-round.js'
import { WebhookLane } from './webhook-lane.js'
import { someWork } from '../work.testing.js'

const settle = (lane: WebhookLane, outcome: AttemptOutcome, startedAt: number, latencyMs: number) =>
  lane.state.settled({ deliveryId: 'dlv_x', outcome, startedAt, latencyMs }, startedAt + latencyMs)

const aLane = (id: string, standing: 'fresh' | 'failing' | 'proven') => {
  const lane = new WebhookLane(id, { shortestMs: 10_000, longestMs: 60_000 })
  if (standing !== 'fresh') {
    lane.enqueue(someWork())
    lane.startNext(0)
    settle(
      lane,
      standing === 'failing' ? { kind: 'failed', reason: 'timeout' } : { kind: 'succeeded', status: 200 },
      0,
      5_000,
    )
  }
  lane.enqueue(someWork())
  return lane
}

describe('the round of ready lanes', () => {
  it('gives each lane one turn before any gets a second', () => {
    const round = new ReadyRound(new AttemptSlots(100))
    const [a, b] = [aLane('a', 'fresh'), aLane('b', 'fresh')]
    round.add(a, 0)
    round.add(b, 0)
    round.add(a, 0)
    const turns = [round.next(0), round.next(0), round.next(0)]
    expect(turns.map((turn) => turn?.lane.webhookId)).toEqual(['a', 'b', undefined])
  })

  it('lets each standing have its share, whichever came first', () => {
    const round = new ReadyRound(new AttemptSlots(16))
    const standings = ['failing', 'fresh', 'proven'] as const
    for (const standing of standings) for (let i = 0; i < 20; i++) round.add(aLane(`${standing} ${i}`, standing), 5_000)
    const started: string[] = []
    for (let turn = round.next(5_000); turn; turn = round.next(5_000)) started.push(turn.lane.webhookId)
    const countOf = (standing: string) => started.filter((id) => id.startsWith(standing)).length
    expect(standings.map(countOf)).toEqual([4, 6, 6])
  })

  it('lets the others have their turn while proven lanes always have something', () => {
    const round = new ReadyRound(new AttemptSlots(16))
    const busy = aLane('busy', 'proven')
    round.add(aLane('failing', 'failing'), 5_000)
    round.add(aLane('fresh', 'fresh'), 5_000)
    const started: string[] = []
    for (let i = 0; i < 3; i++) {
      round.add(busy, 5_000)
      const turn = round.next(5_000)!
      started.push(turn.lane.webhookId)
      round.release(turn)
    }
    expect(started.sort()).toEqual(['busy', 'failing', 'fresh'])
  })

  it('keeps three quarters free of failing lanes when they came first', () => {
    const round = new ReadyRound(new AttemptSlots(8))
    for (let i = 0; i < 10; i++) round.add(aLane(`failing ${i}`, 'failing'), 5_000)
    let failing = 0
    while (round.next(5_000)) failing++
    expect(failing).toBe(2)
    round.add(aLane('fresh', 'fresh'), 5_000)
    expect(round.next(5_000)?.lane.webhookId).toBe('fresh')
  })

  it('does not leave a lane among the failing ones that has succeeded meanwhile', () => {
    const round = new ReadyRound(new AttemptSlots(8))
    for (let i = 0; i < 10; i++) round.add(aLane(`failing ${i}`, 'failing'), 5_000)
    const failing: Turn[] = []
    for (let turn = round.next(5_000); turn; turn = round.next(5_000)) failing.push(turn)
    const lane = aLane('fresh', 'fresh')
    round.add(lane, 5_000)
    expect(round.next(5_000)?.lane).toBe(lane)
    lane.startNext(5_000)
    // One is under way, and nothing speaks for it yet.
    lane.enqueue(someWork())
    round.add(lane, 5_000)
    expect(round.next(5_000)).toBeUndefined()
    settle(lane, { kind: 'succeeded', status: 200 }, 5_000, 20)
    round.add(lane, 5_020)
    expect(round.next(5_020)?.lane).toBe(lane)
    expect(round.next(5_020)).toBeUndefined()
    // Its place among them is nobody's any more.
    for (const turn of failing) {
      round.release(turn)
      const next = round.next(5_020)
      if (next) failing.push(next)
    }
    expect(failing.map(({ lane: { webhookId } }) => webhookId)).toEqual(
      Array.from({ length: 10 }, (_, i) => `failing ${i}`),
    )
  })

  it('goes on where it stopped when a slot comes free', () => {
    const round = new ReadyRound(new AttemptSlots(1))
    round.add(aLane('a', 'fresh'), 0)
    round.add(aLane('b', 'fresh'), 0)
    const first = round.next(0)!
    expect(round.next(0)).toBeUndefined()
    round.release(first)
    expect(round.next(0)?.lane.webhookId).toBe('b')
  })
})
