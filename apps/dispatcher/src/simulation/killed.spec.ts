import { expect, it } from 'vitest'
import { encodeDelivery, markPerhapsDoubled } from '#topics'
import { usePretendClock } from './pretend-clock.testing.js'
import { topics } from './pretend-log.testing.js'
import { Simulation } from './simulation.testing.js'

/** In fetches of some twenty they are asked about in less than the time that may be waited. */
const DELIVERIES = 400
const SESSION_AND_MORE_MS = 20_000

const clock = usePretendClock()

/** Amid deliveries the only dispatcher is killed, and another one takes its place. */
async function aKill(prepare: (simulation: Simulation) => void = () => {}) {
  const simulation = new Simulation(1, clock)
  simulation.readModel.awayIn100 = 0
  prepare(simulation)
  const killed = simulation.start()
  await clock.pass(3_000)
  simulation.offerToAll(DELIVERIES)
  while (simulation.readModel.ends.size < DELIVERIES / 2) await clock.pass(1)
  const ended = new Set(simulation.readModel.ends.keys())
  killed.kill()
  simulation.start()
  await clock.pass(SESSION_AND_MORE_MS)
  await simulation.calmDown()
  const again = new Map<string, number>()
  for (const { delivery } of simulation.requests) again.set(delivery.id, (again.get(delivery.id) ?? 0) + 1)
  const repeated = [...again].filter(([, times]) => times > 1).map(([id]) => `${id}/0`)
  return { simulation, ended, repeated }
}

it('leads to no repeat of what had ended, though it was not committed', async () => {
  const { simulation, ended, repeated } = await aKill()
  expect(simulation.readModel.ends.size).toBe(DELIVERIES)
  // It was hit while it had requests under way, or the test shows nothing.
  expect(repeated.length).toBeGreaterThan(0)
  expect(repeated.filter((chain) => ended.has(chain))).toEqual([])
})

it.each([5_000, 14_000])(
  'leads to no repeat of what fan-out, killed as well, writes a second time %i ms later',
  async (laterMs) => {
    const { simulation, ended, repeated } = await aKill((world) => {
      const { offer } = world
      world.offer = (delivery, topic = topics.deliveries) => {
        offer.call(world, delivery, topic)
        setTimeout(() => world.append(markPerhapsDoubled(encodeDelivery(topic, delivery))), laterMs)
      }
    })
    expect(simulation.readModel.ends.size).toBe(DELIVERIES)
    expect(repeated.filter((chain) => ended.has(chain))).toEqual([])
  },
)

it('keeps nothing waiting when the read models do not answer: some is repeated', async () => {
  const { simulation, ended, repeated } = await aKill((world) => (world.readModel.awayIn100 = 100))
  expect(simulation.readModel.ends.size).toBe(DELIVERIES)
  expect(repeated.filter((chain) => ended.has(chain)).length).toBeGreaterThan(0)
})
