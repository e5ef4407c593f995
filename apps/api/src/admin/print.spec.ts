import { expect, it } from 'vitest'
import { table } from './print.js'

it('aligns columns by their widest cell', () => {
  expect(
    table(
      ['ID', 'NAME'],
      [
        ['acc_1', 'A'],
        ['acc_22', 'Acme'],
      ],
      'none',
    ),
  ).toEqual(['ID      NAME', 'acc_1   A', 'acc_22  Acme'])
})

it('says in words that there is nothing', () => {
  expect(table(['ID'], [], 'There are no accounts.')).toEqual(['There are no accounts.'])
})

it('lets nobody steer the terminal', () => {
  expect(table(['X'], [['\u001b[2Jboo\nbar']], '')).toEqual(['X', '\ufffd[2Jboo\ufffdbar'])
})

it('makes a table of as many rows as there are', () => {
  const rows = Array.from({ length: 300_000 }, (_, n) => [`key_${n}`])
  expect(table(['KEY'], rows, 'none')).toHaveLength(rows.length + 1)
})
