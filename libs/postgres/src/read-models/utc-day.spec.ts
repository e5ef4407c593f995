import { expect, it } from 'vitest'
import { dayOf, dayOfPartition, partitionName, startOf } from './utc-day.js'

it('begins a day at midnight UTC and not a millisecond earlier', () => {
  const midnight = Date.parse('2024-02-29T00:00:00.000Z')

  expect(startOf(dayOf(midnight))).toBe(midnight)
  expect(dayOf(midnight - 1)).toBe(dayOf(midnight) - 1)
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
