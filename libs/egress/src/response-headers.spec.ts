import { expect, test } from 'vitest'
import { headersOf } from './response-headers.js'

function headers(...pairs: string[]) {
  return headersOf(pairs.map((text) => Buffer.from(text, 'latin1')))
}

test('names become lower case and repeated ones are joined', () => {
  expect(headers('X-A', '1', 'x-a', '2', 'Retry-After', '30')).toEqual({ 'x-a': '1, 2', 'retry-after': '30' })
})

test('a header called __proto__ is only a header', () => {
  const result = headers('__proto__', 'polluted', 'constructor', 'x')
  expect(Object.keys(result)).toEqual(['__proto__', 'constructor'])
  expect(Object.getPrototypeOf(result)).toBe(Object.prototype)
})

test('bytes beyond ASCII survive as latin1', () => {
  expect(headers('x-name', 'caf\xe9')).toEqual({ 'x-name': 'café' })
})
