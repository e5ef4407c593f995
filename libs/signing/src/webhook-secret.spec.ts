import { expect, test } from 'vitest'
import { createSecret, isSecret, secretBytes } from './webhook-secret.js'

test('a new secret is whsec_ and base64 of 32 bytes, and never the same twice', () => {
  const secret = createSecret()
  expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
  expect(secretBytes(secret)).toHaveLength(32)
  expect(createSecret()).not.toBe(secret)
})

test.each([
  ['24 bytes', 'whsec_' + Buffer.alloc(24, 1).toString('base64'), true],
  ['64 bytes', 'whsec_' + Buffer.alloc(64, 1).toString('base64'), true],
  ['23 bytes', 'whsec_' + Buffer.alloc(23, 1).toString('base64'), false],
  ['65 bytes', 'whsec_' + Buffer.alloc(65, 1).toString('base64'), false],
  ['no prefix', Buffer.alloc(32, 1).toString('base64'), false],
  ['not base64', 'whsec_' + '*'.repeat(44), false],
  ['base64 without its padding', 'whsec_' + Buffer.alloc(32, 1).toString('base64').slice(0, -1), false],
  ['a line break at the end', createSecret() + '\n', false],
])('tells a secret from other text: %s', (_case, text, expected) => {
  expect(isSecret(text)).toBe(expected)
})

test('refuses to sign with a text that is no secret, and does not repeat it', () => {
  expect(() => secretBytes('whsec_hunter2')).toThrow(/^not a webhook secret(?!.*hunter2)/)
})
