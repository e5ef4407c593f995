import { expect, test } from 'vitest'
import { parseKeyRing } from './key-ring.js'
import { BrokenSealError, openSecret, sealSecret, UnknownSealKeyError } from './sealed-secret.js'
import { createSecret } from './webhook-secret.js'

const key1 = Buffer.alloc(32, 1).toString('base64')
const key2 = Buffer.alloc(32, 2).toString('base64')
const ring = parseKeyRing(key1)

test('opens what it sealed, and never seals alike twice', () => {
  const secret = createSecret()
  const sealed = sealSecret(ring, secret, 'whk_1')
  expect(sealed).toMatch(/^v1\.k1\.[\w-]{16}\.[\w-]+$/)
  expect(sealed).not.toContain(secret)
  expect(openSecret(ring, sealed, 'whk_1')).toBe(secret)
  expect(sealSecret(ring, secret, 'whk_1')).not.toBe(sealed)
})

test('after a rotation of the key old seals open and new ones name the new key', () => {
  const sealed = sealSecret(ring, 'before', 'whk_1')
  const rotated = parseKeyRing(`k2:${key2},k1:${key1}`)
  expect(openSecret(rotated, sealed, 'whk_1')).toBe('before')
  expect(sealSecret(rotated, 'after', 'whk_1')).toMatch(/^v1\.k2\./)
})

test('a seal of a key that is gone names that key', () => {
  const sealed = sealSecret(ring, 'secret', 'whk_1')
  const without = parseKeyRing(`k2:${key2}`)
  expect(() => openSecret(without, sealed, 'whk_1')).toThrow(UnknownSealKeyError)
  expect(() => openSecret(without, sealed, 'whk_1')).toThrow(/"k1".*add it behind the newest key/)
})

test("another row's seal does not open", () => {
  const sealed = sealSecret(ring, 'secret', 'whk_1')
  expect(() => openSecret(ring, sealed, 'whk_2')).toThrow(BrokenSealError)
})

test('a changed bit anywhere in iv, content or tag is noticed', () => {
  const [version, id, iv = '', content = ''] = sealSecret(ring, 'secret', 'whk_1').split('.')
  for (const [part, rebuild] of [
    [iv, (changed: string) => [version, id, changed, content].join('.')],
    [content, (changed: string) => [version, id, iv, changed].join('.')],
  ] as const) {
    const bytes = Buffer.from(part, 'base64url')
    for (let index = 0; index < bytes.length; index++) {
      const changed = Buffer.from(bytes)
      changed[index] = (changed[index] ?? 0) ^ 1
      expect(() => openSecret(ring, rebuild(changed.toString('base64url')), 'whk_1')).toThrow(BrokenSealError)
    }
  }
})

test.each(['', 'v1', 'v1.k1.AAAA', 'v2.k1.AAAAAAAAAAAAAAAA.AAAA', 'v1.k1.AAAAAAAAAAAAAAAA.AAAA', 'v1.k1.AA.AA.AA'])(
  'a text that is no seal is refused: "%s"',
  (text) => {
    expect(() => openSecret(ring, text, 'whk_1')).toThrow(BrokenSealError)
  },
)

test.each([
  ['of another version', (sealed: string) => sealed.replace('v1.', 'v2.')],
  ['with a part too many', (sealed: string) => `${sealed}.AAAA`],
])('a seal %s is refused, though its key would open it', (_, change) => {
  const sealed = sealSecret(ring, 'secret', 'whk_1')
  expect(() => openSecret(ring, change(sealed), 'whk_1')).toThrow(BrokenSealError)
})

test('the same key id with other bytes does not open', () => {
  const sealed = sealSecret(ring, 'secret', 'whk_1')
  expect(() => openSecret(parseKeyRing(`k1:${key2}`), sealed, 'whk_1')).toThrow(BrokenSealError)
})
