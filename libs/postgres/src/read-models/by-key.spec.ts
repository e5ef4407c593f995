import { expect, it } from 'vitest'
import { oneOfEach } from './by-key.js'

it('rounds have at most one row of each key, in their order, and all rows are in one', () => {
  const rounds = (...rows: string[]) => [...oneOfEach(rows, (row) => row[0]!)]
  expect(rounds()).toEqual([])
  expect(rounds('a1', 'b1')).toEqual([['a1', 'b1']])
  expect(rounds('a1', 'b1', 'a2', 'c1', 'c2', 'a3')).toEqual([['a1', 'b1', 'c1'], ['a2', 'c2'], ['a3']])
})
