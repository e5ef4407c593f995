import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RecentKeys } from './recent-keys.js'

test('knows a key that was added, and no other', () => {
  const keys = new RecentKeys({ maxKeys: 10 })
  keys.add('a', 0)
  expect(keys.has('a', 1_000_000_000)).toBe(true)
  expect(keys.has('b', 0)).toBe(false)
})

test('forgets the oldest when there are too many', () => {
  const keys = new RecentKeys({ maxKeys: 2 })
  for (const key of ['a', 'b', 'c']) keys.add(key, 0)
  expect(['a', 'b', 'c'].filter((key) => keys.has(key, 0))).toEqual(['b', 'c'])
})

test('forgets what is older than the limit', () => {
  const keys = new RecentKeys({ maxKeys: 10, maxAgeMs: 600_000 })
  keys.add('a', 0)
  expect(keys.has('a', 599_999)).toBe(true)
  expect(keys.has('a', 600_000)).toBe(false)
  keys.add('b', 600_000)
  expect(keys.size).toBe(1)
})

test('a stream of repeats does not keep a key alive', () => {
  const keys = new RecentKeys({ maxKeys: 10, maxAgeMs: 100 })
  for (let now = 0; now <= 90; now += 10) keys.add('a', now)
  expect(keys.has('a', 99)).toBe(true)
  expect(keys.has('a', 100)).toBe(false)
})

test('a key that was forgotten can be added again, as the youngest', () => {
  const keys = new RecentKeys({ maxKeys: 2, maxAgeMs: 100 })
  keys.add('a', 0)
  keys.add('b', 50)
  keys.add('a', 120)
  expect(keys.has('a', 219)).toBe(true)
  keys.add('c', 130)
  expect(['a', 'b', 'c'].filter((key) => keys.has(key, 130))).toEqual(['a', 'c'])
})

test('stays within its bound and always knows its latest keys', () => {
  const names = fc.array(fc.constantFrom(...'abcdefgh'), { maxLength: 60 })
  fc.assert(
    fc.property(names, fc.integer({ min: 1, max: 5 }), (added, maxKeys) => {
      const keys = new RecentKeys({ maxKeys })
      added.forEach((key, now) => {
        keys.add(key, now)
        expect(keys.size).toBeLessThanOrEqual(maxKeys)
        expect(keys.has(key, now)).toBe(true)
      })
    }),
  )
})

test('knows exactly the latest keys while it grows and comes round, and none that is like them', () => {
  const maxKeys = 3_000
  const keys = new RecentKeys({ maxKeys })
  for (let i = 0; i < 20_000; i++) {
    keys.add(`acc_1/evt_${i}`, i)
    if (i % 500 !== 0) continue
    const known = Array.from({ length: i + 200 }, (_, at) => at).filter((at) => keys.has(`acc_1/evt_${at}`, i))
    const first = Math.max(0, i + 1 - maxKeys)
    expect(known.length).toBe(i + 1 - first)
    expect(known[0]).toBe(first)
  }
})

test('takes less than 100 bytes for a key, what it grew out of included', () => {
  const before = process.memoryUsage().arrayBuffers
  const keys = new RecentKeys({ maxKeys: 100_000 })
  for (let i = 0; i < 100_000; i++) keys.add(`acc_1/evt_${i}`, i)
  expect(keys.size).toBe(100_000)
  const bytes = process.memoryUsage().arrayBuffers - before
  // What it grew out of is garbage that may still be there: a quarter, an eighth and so on.
  expect(bytes / 100_000).toBeGreaterThan(36)
  expect(bytes / 100_000).toBeLessThan(100)
})

test('gives the value that a key was added with first, also after the ring has grown', () => {
  const keys = new RecentKeys({ maxKeys: 10_000, maxAgeMs: 100, keepsValues: true })
  for (let i = 0; i < 3_000; i++) keys.add(`key ${i}`, 0, i)
  keys.add('key 7', 1, 99)
  expect([keys.valueOf('key 7', 50), keys.valueOf('key 2999', 50)]).toEqual([7, 2_999])
  expect(keys.valueOf('key 7', 100)).toBeUndefined()
})
