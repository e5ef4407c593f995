import { describe, expect, it } from 'vitest'
import { textOfAtMost } from './text-schema.js'

const isTaken = (text: unknown) => textOfAtMost(3).safeParse(text).success

describe('textOfAtMost', () => {
  it('counts characters, not UTF-16 units', () => {
    expect(isTaken('abc')).toBe(true)
    expect(isTaken('😀😀😀')).toBe(true)
    expect(isTaken('abcd')).toBe(false)
    expect(isTaken('😀😀😀😀')).toBe(false)
    expect(isTaken('😀😀ab')).toBe(false)
  })
})
