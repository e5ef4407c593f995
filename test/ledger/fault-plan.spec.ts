import { expect, it } from 'vitest'
import { planFaults } from './fault-plan.js'

const options = { seed: 7, count: 80, everyMs: 7_000, longestAwayMs: 5_000 }

it('is the same for the same seed, and another for another', () => {
  expect(planFaults(options)).toEqual(planFaults(options))
  expect(planFaults(options)).not.toEqual(planFaults({ ...options, seed: 8 }))
})

it('meets every process within the first eight faults', () => {
  const targets = planFaults(options)
    .slice(0, 8)
    .map(({ target }) => target)
  expect(new Set(targets)).toEqual(new Set(['dispatcher', 'fanout', 'api', 'kafka', 'postgres']))
})

it('hits each broker of a cluster as often as the only one', () => {
  const hitsOfBrokers = (brokers: number) =>
    planFaults({ ...options, count: 8 + brokers - 1, brokers }).filter(({ target }) => target === 'kafka').length
  expect([1, 3].map(hitsOfBrokers)).toEqual([1, 3])
})

it('kills far more often than it asks or pauses', () => {
  const kills = planFaults(options).filter(({ kind }) => kind === 'kill')
  expect(kills.length).toBeGreaterThan(40)
})

it('keeps within its times', () => {
  for (const { waitMs, awayMs } of planFaults(options)) {
    expect(waitMs).toBeGreaterThanOrEqual(3_500)
    expect(waitMs).toBeLessThanOrEqual(10_500)
    expect(awayMs).toBeLessThanOrEqual(5_000)
  }
})
