import { beforeEach, describe, expect, it } from 'vitest'
import { usePretendClock } from './pretend-clock.testing.js'
import { Simulation } from './simulation.testing.js'

const DELIVERIES = 6_000

const clock = usePretendClock()

describe('after the group lost its offsets', () => {
  let simulation: Simulation

  beforeEach(async () => {
    simulation = new Simulation(1, clock)
    const before = simulation.start()
    await clock.pass(3_000)
    simulation.offerToAll(DELIVERIES)
    await clock.pass(60_000)
    expect(simulation.requests).toHaveLength(DELIVERIES)
    void before.stop()
    await clock.pass(20_000)
    simulation.log.committed.clear()
  })

  it('sends nothing again of chains that ended', async () => {
    simulation.start()
    await clock.pass(60_000)
    expect(simulation.requests).toHaveLength(DELIVERIES)
    expect(simulation.log.unfinished()).toEqual([])
  })

  it('sends nothing again when a second dispatcher joins while the first goes through the past', async () => {
    simulation.start()
    await clock.pass(1_500)
    expect(simulation.log.unfinished()).not.toEqual([])
    simulation.start()
    await clock.pass(60_000)
    expect(simulation.requests).toHaveLength(DELIVERIES)
    expect(simulation.log.unfinished()).toEqual([])
  })
})
