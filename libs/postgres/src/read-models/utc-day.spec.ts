import { expect, it } from 'vitest'
import { dayOf, dayOfPartition, isDayKept, partitionName, startOf } from './utc-day.js'

it('begins a day at midnight UTC and not a millisecond earlier', () => {
  const midnight = Date.parse('2024-02-29T00:00:00.000Z')

  expect(startOf(dayOf(midnight))).toBe(midnight)
  expect(dayOf(midnight - 1)).toBe(dayOf(midnight) - 1)
})

it('keeps a day until its last moment is older than that', () => {
  const keptMs = 3 * 86_400_000
  const [midnight, noon] = ['2024-02-29T00:00:00.000Z', '2024-02-29T12:00:00.000Z'].map((time) => Date.parse(time))
  const end = Date.parse('2024-03-01T00:00:00.000Z')

  expect([midnight, noon].map((time) => isDayKept(time!, keptMs, end + keptMs - 1))).toEqual([true, true])
  expect([midnight, noon].map((time) => isDayKept(time!, keptMs, end + keptMs))).toEqual([false, false])
})

it('names a partition by its day and reads the day back', () => {
  const day = dayOf(Date.parse('2024-02-29T12:00:00Z'))

  expect(partitionName('events', day)).toBe('events_20240229')
  expect(dayOfPartition('events', 'events_20240229')).toBe(day)
})

it('takes no table for a partition that is not named like one', () => {
  expect(dayOfPartition('events', 'events_default')).toBeUndefined()
  expect(dayOfPartition('events', 'events_20241399')).toBeUndefined()
  expect(dayOfPartition('events', 'deliveries_20240229')).toBeUndefined()
})
