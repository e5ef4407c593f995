import { expect, test } from 'vitest'
import { parseKeyRing } from './key-ring.js'

const old = Buffer.alloc(32, 1).toString('base64')
const young = Buffer.alloc(32, 2).toString('base64')

test('a lone key is the newest and called k1', () => {
  expect(parseKeyRing(old).newest).toEqual({ id: 'k1', key: Buffer.alloc(32, 1) })
})

test('of several keys the first is the newest and all can open', () => {
  const ring = parseKeyRing(`k2:${young}, k1:${old}`)
  expect(ring.newest.id).toBe('k2')
  expect([...ring.byId.keys()]).toEqual(['k2', 'k1'])
})

test('takes the url-safe alphabet and a missing padding too', () => {
  const bytes = Buffer.alloc(32, 0xfb)
  expect(parseKeyRing(bytes.toString('base64url')).newest.key).toEqual(bytes)
})

test.each([
  ['nothing', '', /empty: make a key with `openssl rand -base64 32`/],
  ['a key of 31 bytes', Buffer.alloc(31).toString('base64'), /key 1 is not base64 of 32 bytes: make one with/],
  ['a pass phrase', 'correct horse battery staple, really', /several keys need ids/],
  ['bad characters', `k1:${'!'.repeat(44)}`, /key 1 is not base64 of 32 bytes/],
  ['several keys without ids', `${young},${old}`, /several keys need ids, newest first/],
  ['an empty id', `:${young}`, /key 1: a key id is 1 to 16/],
  ['an id twice', `k1:${young},k1:${old}`, /names a key id twice/],
  ['an id with a dot', `k.1:${young}`, /key 1: a key id is 1 to 16/],
  ['a comma at the end', `k2:${young},`, /key 2: several keys need ids/],
])('says what is wrong and what to do: %s', (_case, text, message) => {
  expect(() => parseKeyRing(text)).toThrow(message)
})

test('no message repeats key material', () => {
  const almost = Buffer.alloc(33, 9).toString('base64')
  expect(() => parseKeyRing(`k1:${almost}`)).toThrow(new RegExp(`^(?!.*${almost})`))
})
