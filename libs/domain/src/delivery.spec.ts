import { expect, test } from 'vitest'
import { aDelivery } from './builders.testing.js'
import { attemptKey } from './delivery.js'

test('two records that ask for the same attempt have the same key, whatever else they say', () => {
  const same = { chain: 0, attempt: 2 }
  const moved = aDelivery({ ...same, notBefore: 2, webhookVersion: 7, trigger: 'replay' })
  expect(attemptKey(moved)).toBe(attemptKey(aDelivery(same)))
})

test('another delivery, chain or attempt is another key', () => {
  const keys = [
    aDelivery(),
    aDelivery({ id: 'dlv_2' }),
    aDelivery({ chain: 1 }),
    aDelivery({ attempt: 2 }),
    aDelivery({ chain: 1, attempt: 11 }),
    aDelivery({ chain: 11, attempt: 1 }),
  ].map(attemptKey)
  expect(new Set(keys).size).toBe(keys.length)
})
