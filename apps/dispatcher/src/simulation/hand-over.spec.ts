import { expect, it } from 'vitest'
import { usePretendClock } from './pretend-clock.testing.js'
import { Simulation } from './simulation.testing.js'

/** Longer than a dispatcher waits for the end of a rebalance before it goes on with what it had. */
const SLOW_MS = 6_000
/** More than is under way at once: the rest is in the lanes when the partitions change hands. */
const DELIVERIES = 800
/** They take longer than the hand-over. */
const BURST = 3_000

const clock = usePretendClock()

it('repeats nothing while a dispatcher takes another one’s place amid a burst, when receivers answer soon', async () => {
  const simulation = new Simulation(1, clock)
  simulation.writing.lateIn100 = 0
  for (const id of simulation.webhookIds) simulation.receivers.become(id, 'in a while')
  const before = simulation.start()
  await clock.pass(3_000)
  simulation.offerToAll(BURST)
  await clock.pass(1_000)
  simulation.start()
  await clock.pass(2_000)
  simulation.offerToAll(BURST)
  void before.stop()
  await clock.pass(20_000)
  expect(new Set(simulation.requests.map(({ dispatcher }) => dispatcher)).size).toBe(2)
  expect(simulation.requests).toHaveLength(2 * BURST)
  expect(simulation.readModel.ends.size).toBe(2 * BURST)
})

it('begins nothing while it does not know what the others have got', async () => {
  const simulation = new Simulation(1, clock)
  const slow = simulation.start()
  await clock.pass(3_000)
  for (const id of simulation.webhookIds) simulation.receivers.become(id, 'slowly')
  simulation.offerToAll(DELIVERIES)
  await clock.pass(1_000)
  simulation.start()
  slow.kafka.nextSyncMs = SLOW_MS
  await clock.pass(60_000)
  expect(new Set(simulation.requests.map(({ dispatcher }) => dispatcher)).size).toBe(2)
  const ofAnothers = simulation.requests.filter(({ isAnothers }) => isAnothers)
  expect(ofAnothers.map(({ delivery }) => delivery.id)).toEqual([])
  expect(simulation.readModel.ends.size).toBe(DELIVERIES)
})
