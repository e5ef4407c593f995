import { expect, it } from 'vitest'
import { AttemptSlots } from './attempt-slots.js'

it('gives lanes without a recent success a quarter of the slots, together', () => {
  const slots = new AttemptSlots(8)
  const unproven = [1, 2, 3, 4].map(() => slots.take(false))
  expect(unproven).toEqual([true, true, false, false])
  const proven = [1, 2, 3, 4, 5, 6, 7].map(() => slots.take(true))
  expect(proven).toEqual([true, true, true, true, true, true, false])
})

it('gives a released slot to the next', () => {
  const slots = new AttemptSlots(4)
  slots.take(false)
  expect(slots.take(false)).toBe(false)
  slots.release(false)
  expect(slots.take(false)).toBe(true)
})
