import { expect, it } from 'vitest'
import { DeliveryLedger } from './delivery-ledger.js'

it('keeps the first arrival of each delivery and counts the others as repeats', () => {
  const ledger = new DeliveryLedger('tag', 2, 3)
  ledger.arrived(1, 2, 10)
  ledger.arrived(1, 2, 20)
  ledger.arrived(0, 2, 30)
  expect(ledger).toMatchObject({ delivered: 2, repeats: 1, invented: 0 })
  expect(ledger.repeatsOf((sequence, position) => sequence === 1 && position === 2)).toBe(1)
  expect(ledger.repeatsOf((sequence, position) => sequence === 2 && position === 1)).toBe(0)
  expect([ledger.arrivedAt(1, 2), ledger.arrivedAt(0, 2), ledger.arrivedAt(0, 0)]).toEqual([10, 30, undefined])
})

it('counts what it never expected', () => {
  const ledger = new DeliveryLedger('tag', 2, 1)
  ledger.arrived(2, 0, 10)
  ledger.arrived(0, 1, 10)
  ledger.arrived(NaN, 0, 10)
  expect(ledger).toMatchObject({ delivered: 0, invented: 3 })
})
