import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MAX_DEPTH, isDeeperThan, parseJsonBody } from './json-body.js'
import type { Problem } from './problem.js'

function refusalOf(body: Buffer | string): Problem {
  try {
    parseJsonBody(Buffer.from(body))
  } catch (error) {
    return error as Problem
  }
  throw new Error('the body was taken')
}

const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)

describe('parseJsonBody', () => {
  it('reads any JSON value that is not too deep', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const text = JSON.stringify(value)
        // fast-check makes lone surrogates and NULs, which have their own tests.
        fc.pre(!text.includes('\\u'))
        expect(parseJsonBody(Buffer.from(text))).toEqual(JSON.parse(text))
      }),
    )
  })

  it('takes the last of two equal keys, as everybody does', () => {
    expect(parseJsonBody(Buffer.from('{"a":1,"a":2}'))).toEqual({ a: 2 })
  })

  it('overlooks a byte order mark', () => {
    expect(parseJsonBody(Buffer.from('\ufeff{"a":1}'))).toEqual({ a: 1 })
  })

  it('answers undefined for an empty body', () => {
    expect(parseJsonBody(Buffer.alloc(0))).toBeUndefined()
  })

  it('keeps __proto__ as a field, for the schema to refuse, and touches no prototype', () => {
    const value = parseJsonBody(Buffer.from('{"__proto__":{"polluted":true}}')) as Record<string, unknown>
    expect(Object.keys(value)).toEqual(['__proto__'])
    expect(({} as Record<string, unknown>).polluted).toBeUndefined()
  })

  it.each([
    ['a byte that UTF-8 never has', Buffer.from([0x22, 0xff, 0x22])],
    ['a character cut in half', Buffer.from([0x22, 0xe2, 0x82, 0x22])],
    ['a surrogate written in UTF-8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])],
  ])('refuses %s with 400', (_, body) => {
    expect(refusalOf(body)).toMatchObject({ status: 400, detail: 'The body is not valid UTF-8.' })
  })

  it('says where JSON ends to be JSON, without repeating the body', () => {
    const problem = refusalOf('{"secret-word": 1 "b": 2}')
    expect(problem).toMatchObject({ status: 400, title: 'Unreadable body' })
    expect(problem.detail).toMatch(/position \d+/)
    expect(JSON.stringify(problem.errors)).not.toContain('secret-word')
  })

  it('refuses what is nested too deep before it parses it', () => {
    expect(parseJsonBody(Buffer.from(nested(MAX_DEPTH)))).toBeInstanceOf(Array)
    expect(refusalOf(nested(MAX_DEPTH + 1))).toMatchObject({ status: 400 })
    expect(refusalOf('{"a":'.repeat(100_000)).detail).toContain('nested deeper')
  })

  it.each([
    ['{"context":{"name":"a\\u0000b"}}', '/context/name', 'contains the NUL character'],
    ['{"events":["x","\\ud800"]}', '/events/1', 'contains half of a surrogate pair'],
    ['{"events":["\\udc00\\ud800"]}', '/events/0', 'contains half of a surrogate pair'],
    ['{"a/b~c":"\\u0000"}', '/a~1b~0c', 'contains the NUL character'],
    ['{"a":{"x\\u0000":1}}', '/a', 'has a field whose name contains the NUL character'],
  ])('refuses %s with 422 and names the field', (body, pointer, detail) => {
    expect(refusalOf(body)).toMatchObject({ status: 422, errors: [{ pointer, detail }] })
  })

  it('takes a surrogate pair, escaped or not, and an escaped backslash before a u', () => {
    expect(parseJsonBody(Buffer.from('["\\ud83d\\ude00", "😀", "\\\\u0000"]'))).toEqual(['😀', '😀', '\\u0000'])
  })
})

describe('isDeeperThan', () => {
  it('does not count brackets inside of strings', () => {
    expect(isDeeperThan(1, Buffer.from('["[[[[{{{{", "\\"[[", "\\\\"]'))).toBe(false)
  })

  it('counts open brackets, not all brackets', () => {
    expect(isDeeperThan(2, Buffer.from('[[],[],{},[]]'))).toBe(false)
    expect(isDeeperThan(2, Buffer.from('[[],[{}]]'))).toBe(true)
  })
})
