import { expect, it } from 'vitest'
import { isSameEvent } from './same-event.js'

const DAY_MS = 86_400_000
const NOON = Date.parse('2024-01-15T12:00:00Z')

it.each([
  [0, true],
  [DAY_MS, true],
  [DAY_MS + 1, false],
  [3 * DAY_MS, false],
])('an id that is accepted again %i ms later is the same event: %s', (later, isSame) => {
  expect(isSameEvent(NOON, NOON + later)).toBe(isSame)
  expect(isSameEvent(NOON + later, NOON)).toBe(isSame)
})
