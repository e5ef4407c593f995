import { expect, it } from 'vitest'
import { nextTry } from './next-try.js'

it('waits longer after each failure, up to an hour', () => {
  expect([1, 2, 3, 20, 2_000].map((attempts) => nextTry(attempts, 0, false, 1_000)! - 1_000)).toEqual([
    10_000, 20_000, 40_000, 3_600_000, 3_600_000,
  ])
})

it('gives up an address that has refused for three days, and never because of a server that takes no mail', () => {
  const created = 5_000
  expect(nextTry(80, created, true, created + 2.9 * 86_400_000)).not.toBeNull()
  expect(nextTry(80, created, true, created + 3 * 86_400_000)).toBeNull()
  expect(nextTry(800, created, false, created + 30 * 86_400_000)).toBe(created + 30 * 86_400_000 + 3_600_000)
})
