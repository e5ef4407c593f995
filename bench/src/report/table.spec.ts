import { expect, it } from 'vitest'
import { alignedLines, formatValue, markdownLines } from './table.js'

const cells = [
  ['', 'p50 ms'],
  ['fan-out 10', '6.4'],
  ['quiet', '12.0'],
]

it('writes figures for people', () => {
  const written = [
    [1234.56, 1],
    [0.25, 3],
    [5, 0],
    [NaN, 1],
    [undefined, 1],
    [Infinity, 0],
  ] as const
  expect(written.map(([value, digits]) => formatValue(value, digits))).toEqual([
    '1,234.6',
    '0.250',
    '5',
    '–',
    '–',
    'never',
  ])
})

it('aligns text to the left and figures to the right', () => {
  expect(alignedLines(cells)).toEqual(['             p50 ms', 'fan-out 10      6.4', 'quiet          12.0'])
})

it('makes a Markdown table', () => {
  expect(markdownLines(cells)).toEqual(['|  | p50 ms |', '| --- | ---: |', '| fan-out 10 | 6.4 |', '| quiet | 12.0 |'])
})
