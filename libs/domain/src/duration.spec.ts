import fc from 'fast-check'
import { expect, test } from 'vitest'
import { formatDuration, parseDuration } from './duration.js'

test.each([
  ['250ms', 250],
  ['10s', 10_000],
  ['1m', 60_000],
  ['3h36m', 12_960_000],
  ['30d', 2_592_000_000],
  ['1m500ms', 60_500],
])('reads %s', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
})

test.each([
  '',
  '10',
  's',
  '10 s',
  ' 10s',
  '10s ',
  '-10s',
  '1.5s',
  '10S',
  '10sec',
  '1h30',
  '10s,',
  'P1D',
  '99999999999999999999d',
])('refuses "%s" and says how to write one', (text) => {
  expect(() => parseDuration(text)).toThrow(RangeError)
  expect(() => parseDuration(text)).toThrow(/write it like 250ms, 10s/)
})

test.each([
  [0, '0s'],
  [12_960_000, '3h36m'],
  [36 * 60_000, '36m'],
  [86_400_000, '1d'],
  [90_000_000, '1d1h'],
  [999, '999ms'],
])('writes %d ms as %s', (ms, text) => {
  expect(formatDuration(ms)).toBe(text)
})

test('what was written reads as the same duration', () => {
  fc.assert(
    fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (ms) => {
      expect(parseDuration(formatDuration(ms))).toBe(ms)
    }),
  )
})
