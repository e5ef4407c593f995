import { expect, it } from 'vitest'
import { summarizeRepeats, tableCells } from './summary.js'

const table = { title: 'Latency', columns: [{ key: 'p50', title: 'p50 ms', digits: 1 }] }
const row = (label: string, p50: number, notes: string[] = []) => ({ label, values: { p50 }, notes })

it('shows median and spread of the repeats', () => {
  const summaries = summarizeRepeats([
    [row('200/s', 4), row('500/s', 9)],
    [row('200/s', 6)],
    [row('200/s', 5, ['late'])],
  ])
  expect(tableCells(table, summaries)).toEqual([
    ['', 'p50 ms'],
    ['200/s', '5.0 (4.0–6.0)'],
    ['500/s', '9.0'],
  ])
  expect(summaries[0]?.notes).toEqual(['late'])
})

it('shows no spread where there is none, and a dash where nothing was measured', () => {
  const summaries = summarizeRepeats([[row('200/s', 4)], [row('200/s', 4)], [{ label: 'x', values: {}, notes: [] }]])
  expect(tableCells(table, summaries).map(([, cell]) => cell)).toEqual(['p50 ms', '4.0', '–'])
})
