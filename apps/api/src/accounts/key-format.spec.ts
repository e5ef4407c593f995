import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createKey, hashOfKey, isWellFormedKey } from './key-format.js'

describe('an API key', () => {
  it('has a prefix, thirty random characters and a checksum, and is never the same twice', () => {
    const keys = Array.from({ length: 200 }, createKey)

    for (const key of keys) expect(key).toMatch(/^cfk_[0-9A-Za-z]{36}$/)
    expect(keys.filter((key) => !isWellFormedKey(key))).toEqual([])
    expect(new Set(keys).size).toBe(200)
  })

  it('is recognised as mistyped whichever single character is wrong', () => {
    const key = createKey()
    const anyTypingError = fc.tuple(
      fc.integer({ min: 4, max: key.length - 1 }),
      fc.constantFrom(...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'),
    )
    fc.assert(
      fc.property(anyTypingError, ([at, character]) => {
        fc.pre(key[at] !== character)
        expect(isWellFormedKey(key.slice(0, at) + character + key.slice(at + 1))).toBe(false)
      }),
    )
  })

  it.each(['', 'cfk_', 'cfk_short', `${createKey()}x`, ` ${createKey()}`, createKey().replace('cfk_', 'sk_')])(
    'is not "%s"',
    (text) => {
      expect(isWellFormedKey(text)).toBe(false)
    },
  )

  it('keeps the format that keys in use have', () => {
    expect(isWellFormedKey('cfk_0123456789ABCDEFGHIJabcdefghijCHECKS')).toBe(false)
    expect(isWellFormedKey(KEY_IN_USE)).toBe(true)
    expect(hashOfKey(KEY_IN_USE)).toBe(HASH_OF_KEY_IN_USE)
  })
})

const KEY_IN_USE = 'cfk_0123456789ABCDEFGHIJabcdefghij4Us3aw'
const HASH_OF_KEY_IN_USE = 'd5d2e620f64d925bab4f14ebf525c0a0d910af3d71d87110c7ae2d30d7ecacdc'
