import { describe, expect, it } from 'vitest'
import { AttemptSlots } from '#domain'
import { ReadyRound } from './ready-round.js'
import { WebhookLane } from './webhook-lane.js'
import { someWork } from './work.testing.js'

const aLane = (id: string, standing: 'fresh' | 'failing') => {
  const lane = new WebhookLane(id, { shortestMs: 10_000, longestMs: 60_000 })
  if (standing === 'failing') {
    lane.enqueue(someWork())
    lane.startNext()
    lane.state.settled('dlv_x', { kind: 'failed', reason: 'timeout' }, 0, 5_000)
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

  it('lets failing lanes have a quarter, and the others the rest', () => {
    const round = new ReadyRound(new AttemptSlots(8))
    for (let i = 0; i < 10; i++) round.add(aLane(`failing ${i}`, 'failing'), 5_000)
    for (let i = 0; i < 10; i++) round.add(aLane(`fresh ${i}`, 'fresh'), 5_000)
    const started: string[] = []
    for (let turn = round.next(5_000); turn; turn = round.next(5_000)) started.push(turn.lane.webhookId)
    expect(started.filter((id) => id.startsWith('fresh'))).toHaveLength(8)
    expect(started.filter((id) => id.startsWith('failing'))).toHaveLength(0)
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
    while (round.next(5_000));
    const lane = aLane('fresh', 'fresh')
    round.add(lane, 5_000)
    expect(round.next(5_000)?.lane).toBe(lane)
    lane.startNext()
    // One is under way, and nothing speaks for it yet.
    lane.enqueue(someWork())
    round.add(lane, 5_000)
    expect(round.next(5_000)).toBeUndefined()
    lane.state.settled('dlv_x', { kind: 'succeeded', status: 200 }, 5_000, 5_020)
    round.add(lane, 5_020)
    expect(round.next(5_020)?.lane).toBe(lane)
    expect(round.next(5_020)).toBeUndefined()
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
