import { expect, it } from 'vitest'
import { AttemptSlots, type Standing } from './attempt-slots.js'

const taken = (slots: AttemptSlots, standing: Standing) => {
  let count = 0
  while (slots.take(standing)) count++
  return count
}

it('gives unproven lanes a quarter of the slots, untried ones half, and proven ones what is left, together', () => {
  const slots = new AttemptSlots(16)
  expect(taken(slots, 'unproven')).toBe(4)
  expect(taken(slots, 'untried')).toBe(8)
  expect(taken(slots, 'proven')).toBe(4)
  expect(slots.taken).toBe(16)
})

it('gives proven lanes all when nobody else is there', () => {
  expect(taken(new AttemptSlots(16), 'proven')).toBe(16)
})

it('gives a released slot to the next', () => {
  const slots = new AttemptSlots(4)
  slots.take('unproven')
  expect(slots.take('unproven')).toBe(false)
  slots.release('unproven')
  expect(slots.take('unproven')).toBe(true)
})
