import { expect, it } from 'vitest'
import { goneTemper, scriptFor, slowness, tempers } from './receiver-script.js'

const mixed = tempers.find(({ name }) => name === 'mixed')!
const scripts = (seed: number) => Array.from({ length: 2_000 }, (_, i) => scriptFor(seed, mixed, '/mixed', `evt_${i}`))

it('gives the same answers for the same seed, and others for another', () => {
  expect(scripts(1)).toEqual(scripts(1))
  expect(scripts(1)).not.toEqual(scripts(2))
})

it('meets every trouble, and lets most deliveries through at once', () => {
  const all = scripts(1)
  for (const answer of ['error', 'slow', 'hang', 'reset-before-body', 'reset-after-processing'] as const) {
    expect(all.some((script) => script.includes(answer))).toBe(true)
  }
  expect(all.filter((script) => script.length === 0).length).toBeGreaterThan(1_400)
})

it('leaves some deliveries without hope: more errors than a chain has attempts', () => {
  const errors = scripts(1).map((script) => script.filter((answer) => answer === 'error').length)
  expect(Math.max(...errors)).toBeGreaterThan(6)
})

it('answers 410 for good where the receiver is gone', () => {
  expect(new Set(scriptFor(1, goneTemper, '/gone', 'evt_1'))).toEqual(new Set(['gone']))
})

it('is slow for one to four seconds', () => {
  const slow = Array.from({ length: 200 }, (_, i) => slowness(1, '/slow', `evt_${i}`))
  expect(Math.min(...slow)).toBeGreaterThanOrEqual(1_000)
  expect(Math.max(...slow)).toBeLessThanOrEqual(4_000)
})
