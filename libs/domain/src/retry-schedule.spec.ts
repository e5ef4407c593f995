import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatDuration } from './duration.js'
import { DEFAULT_RETRY_SCHEDULE, RetrySchedule } from './retry-schedule.js'

const schedule = RetrySchedule.parse(DEFAULT_RETRY_SCHEDULE)
const someDelays = fc
  .array(fc.integer({ min: 1, max: 100_000_000 }), { minLength: 5, maxLength: 5 })
  .map((delays) => delays.sort((a, b) => a - b))
const scheduleOf = (delays: number[]) => RetrySchedule.parse(delays.map(formatDuration).join(','))

test('the default waits six times longer before each retry', () => {
  expect(schedule.delays).toEqual([10_000, 60_000, 360_000, 2_160_000, 12_960_000])
  expect(schedule.attempts).toBe(6)
  expect(schedule.totalMs).toBe(15_550_000)
  expect([schedule.shortestMs, schedule.longestMs]).toEqual([10_000, 12_960_000])
})

test('a tier is named by its delay', () => {
  expect(schedule.tiers.map(({ name }) => name)).toEqual(['10s', '1m', '6m', '36m', '3h36m'])
  expect(schedule.tierNamed('36m')).toEqual({ name: '36m', delayMs: 2_160_000 })
  expect(schedule.tierNamed('37m')).toBeUndefined()
})

test('deliveries are put off into the first three tiers, or as many as there are', () => {
  expect(schedule.deferralTiers.map(({ name }) => name)).toEqual(['10s', '1m', '6m'])
  expect(RetrySchedule.parse('1m,1m,1m,1m,2m').deferralTiers.map(({ name }) => name)).toEqual(['1m', '2m'])
})

test('equal durations share a tier, however they were written', () => {
  const shared = RetrySchedule.parse('60s, 1m, 1m,120s,2m')
  expect(shared.tiers).toEqual([
    { name: '1m', delayMs: 60_000 },
    { name: '2m', delayMs: 120_000 },
  ])
  expect([1, 2, 3, 4, 5].map((attempt) => shared.tierAfter(attempt)?.name)).toEqual(['1m', '1m', '1m', '2m', '2m'])
})

test.each([
  ['', /"" is not a duration/],
  ['10s,1m,6m,36m', /exactly 5 durations, got 4/],
  ['10s,1m,6m,36m,3h,4h', /exactly 5 durations, got 6/],
  ['10s,1m,6m,36m,', /"" is not a duration/],
  ['10s,1m,6,36m,3h', /"6" is not a duration/],
  ['10s,1m,30s,36m,3h', /must not decrease/],
  ['0s,1m,6m,36m,3h', /greater than zero/],
])('refuses "%s"', (text, problem) => {
  expect(() => RetrySchedule.parse(text)).toThrow(RangeError)
  expect(() => RetrySchedule.parse(text)).toThrow(problem)
})

test('after the last attempt there is no tier, whatever the receiver asks for', () => {
  expect(schedule.tierAfter(6)).toBeUndefined()
  expect(schedule.tierAfter(6, 60_000)).toBeUndefined()
  expect(schedule.tierAfter(5)?.name).toBe('3h36m')
})

test.each([
  [5_000, '10s'],
  [10_000, '10s'],
  [10_001, '1m'],
  [3_600_000, '3h36m'],
  [7 * 86_400_000, '3h36m'],
  [Infinity, '3h36m'],
])('a first failure that asks for %d ms waits in the tier %s', (retryAfterMs, name) => {
  expect(schedule.tierAfter(1, retryAfterMs)?.name).toBe(name)
})

test('a receiver can ask for more patience but never for less', () => {
  fc.assert(
    fc.property(someDelays, fc.integer({ min: 1, max: 5 }), fc.nat({ max: 200_000_000 }), (delays, attempt, asked) => {
      const wait = scheduleOf(delays).tierAfter(attempt, asked)!.delayMs
      const longest = delays.at(-1)!
      expect(wait).toBeGreaterThanOrEqual(delays[attempt - 1]!)
      expect(wait).toBeGreaterThanOrEqual(Math.min(asked, longest))
      expect(wait).toBeLessThanOrEqual(longest)
    }),
  )
})
