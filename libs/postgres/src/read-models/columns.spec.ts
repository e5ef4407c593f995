import { expect, it } from 'vitest'
import { joined, storableText } from './columns.js'

it('joins values by a separator that none of them holds, and marks nulls', () => {
  expect(joined(['a', '', null, 7])).toBe('a\x1f\x1f\x1e\x1f7')
})

it('replaces what cannot be stored, wherever and however often, and nothing else', () => {
  expect(storableText('a\0b\0')).toBe('a\ufffdb\ufffd')
  expect(storableText('\x1e and \x1f')).toBe('\ufffd and \ufffd')
  expect(storableText('tab\t, quote ", backslash \\ and \ud83d\ude00')).toBe(
    'tab\t, quote ", backslash \\ and \ud83d\ude00',
  )
})
