import { expect, it } from 'vitest'
import { problemsOf } from './invariants.testing.js'
import { usePretendClock } from './pretend-clock.testing.js'
import { RandomDay } from './random-day.testing.js'
import { Simulation } from './simulation.testing.js'

/** `SIMULATION_SEED=17` runs that day alone. Whatever fails has its seed in its name. */
const { SIMULATION_SEED } = process.env
const seeds = (fixed: number[]) => (SIMULATION_SEED ? [Number(SIMULATION_SEED)] : fixed)
const DAY_MS = 90_000
const PATIENCE = { timeout: 60_000 }

const clock = usePretendClock()

it.each(seeds([4, 6]))(
  'ends every chain once, whatever happens around one dispatcher (seed %i)',
  PATIENCE,
  async (seed) => {
    const simulation = new Simulation(seed, clock)
    simulation.start()
    await new RandomDay(simulation, { withRebalances: false }).run(DAY_MS)
    await simulation.calmDown()
    expect(await problemsOf(simulation, { handOvers: false })).toEqual([])
  },
)

it.each(seeds([7, 36]))(
  'loses nothing and repeats little while dispatchers come and go (seed %i)',
  PATIENCE,
  async (seed) => {
    const simulation = new Simulation(seed, clock)
    simulation.start()
    simulation.start()
    await new RandomDay(simulation, { withRebalances: true }).run(DAY_MS)
    await simulation.calmDown()
    expect(await problemsOf(simulation, { handOvers: true })).toEqual([])
  },
)

it.each(seeds([3, 11]))('loses nothing while dispatchers are killed as well (seed %i)', PATIENCE, async (seed) => {
  const simulation = new Simulation(seed, clock)
  simulation.start()
  simulation.start()
  await new RandomDay(simulation, { withRebalances: true, withKills: true }).run(DAY_MS)
  await simulation.calmDown()
  expect(await problemsOf(simulation, { handOvers: true })).toEqual([])
})
