import { expect, it } from 'vitest'
import { topics } from './pretend-log.testing.js'
import { usePretendClock } from './pretend-clock.testing.js'
import { Simulation } from './simulation.testing.js'

const HOUR_MS = 3_600_000

const clock = usePretendClock()

it('makes a retry in its time also when the broker crashed while a later one held the partition back', async () => {
  const simulation = new Simulation(1, clock)
  const dispatcher = simulation.start()
  await clock.pass(3_000)
  const retry = (notBefore: number) =>
    simulation.newDelivery('whk_0', { attempt: 6, notBefore, chainStartedAt: Date.now() })
  const inTime = Date.now() + 20_000
  simulation.offer(retry(inTime), topics.tiers.at(-1))
  // Stays in the log, and the partition is not read on until it is near.
  simulation.offer(retry(Date.now() + 3 * HOUR_MS), topics.tiers.at(-1))
  await clock.pass(3_000)
  expect(dispatcher.kafka.pausedOnes.size).toBe(1)
  dispatcher.kafka.crash()
  await clock.pass(60_000)
  expect(simulation.requests.map(({ delivery }) => delivery.id)).toEqual(['dlv_0'])
  // Its time, and the jitter.
  expect(simulation.requests[0]!.startedAt - inTime).toBeLessThan(5_000)
})
