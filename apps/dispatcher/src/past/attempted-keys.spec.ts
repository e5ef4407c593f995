import { expect, it } from 'vitest'
import { aDelivery } from '../../../../libs/domain/src/builders.testing.js'
import { AttemptedKeys } from './attempted-keys.js'

const HOUR_MS = 3_600_000

it('knows a double for longer than the longest wait, and an event that is accepted again on the next day as its own', () => {
  const attempted = new AttemptedKeys()
  const delivery = aDelivery({ attempt: 1 })
  attempted.ended(delivery, 0)
  expect(attempted.isDone({ ...delivery, attempt: 2 }, 4 * HOUR_MS)).toBe(true)
  expect(attempted.isDone(delivery, 24 * HOUR_MS - 60_000)).toBe(false)
})

it('takes what was replayed of an event for no double of another one, accepted under its id days before or after', () => {
  const attempted = new AttemptedKeys()
  const monday = aDelivery()
  const thursday = aDelivery({ acceptedAt: monday.acceptedAt + 72 * HOUR_MS })
  attempted.attempted({ ...monday, attempt: 2 }, 0)
  attempted.ended(monday, 0)
  expect(attempted.isDone({ ...monday, acceptedAt: monday.acceptedAt + HOUR_MS }, HOUR_MS)).toBe(true)
  expect([thursday, { ...thursday, attempt: 2 }].map((each) => attempted.isDone(each, HOUR_MS))).toEqual([false, false])
})
