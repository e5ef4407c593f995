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
