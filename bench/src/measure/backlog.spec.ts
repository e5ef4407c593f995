import { describe, expect, it } from 'vitest'
import { isFlat } from './backlog.js'
import { median } from './median.js'

describe('a backlog', () => {
  it('is flat when it only wavers', () => {
    expect(isFlat([40, 60, 45, 55, 500, 50, 42, 61], 1000)).toBe(true)
  })

  it('is not flat when it grows slowly and steadily', () => {
    const growing = Array.from({ length: 120 }, (_, i) => 40 + i * 5)
    expect(isFlat(growing, 1000)).toBe(false)
  })
})

it('takes the middle of values in any order', () => {
  expect([median([3, 1, 2]), median([4, 1, 3, 2]), median([0, 0]), median([])]).toEqual([2, 2.5, 0, NaN])
})
