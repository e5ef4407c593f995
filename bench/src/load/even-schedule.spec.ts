import { expect, it } from 'vitest'
import { EvenSchedule } from './even-schedule.js'

it('spaces events evenly from its start on', () => {
  const schedule = new EvenSchedule(1000, 200)
  expect([0, 1, 2, 200].map((sequence) => schedule.dueAt(sequence))).toEqual([1000, 1005, 1010, 2000])
})

it('counts what is due without a look at what was sent', () => {
  const schedule = new EvenSchedule(1000, 200)
  expect([999, 1000, 1004, 1005, 2000].map((now) => schedule.dueCount(now))).toEqual([0, 1, 1, 2, 201])
})

it('counts an event as due exactly from its time on', () => {
  const schedule = new EvenSchedule(0, 4000)
  for (const sequence of [0, 1, 17, 3999]) {
    expect(schedule.dueCount(schedule.dueAt(sequence))).toBe(sequence + 1)
  }
})
