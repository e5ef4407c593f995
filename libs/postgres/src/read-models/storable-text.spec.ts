import { expect, it } from 'vitest'
import { storableText } from './storable-text.js'

it('replaces NUL characters and nothing else', () => {
  expect(storableText('a\0b\0')).toBe('a\ufffdb\ufffd')
  expect(storableText('tab\t and \ud83d\ude00')).toBe('tab\t and \ud83d\ude00')
})
