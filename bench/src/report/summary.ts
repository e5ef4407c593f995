import { median } from '../measure/median.js'
import type { Row } from './row.js'
import { formatValue, type Table } from './table.js'

/** One measurement over all repeats. */
export interface Summary {
  label: string
  /** By column key, one value per repeat that has one. */
  values: Record<string, number[]>
  notes: string[]
}

/** Brings the repeats' rows together by their labels, in the order in which they first appeared. */
export function summarizeRepeats(repeats: readonly (readonly Row[])[]): Summary[] {
  const summaries = new Map<string, Summary>()
  for (const row of repeats.flat()) {
    const summary = summaries.get(row.label) ?? { label: row.label, values: {}, notes: [] }
    summaries.set(row.label, summary)
    for (const [key, value] of Object.entries(row.values)) (summary.values[key] ??= []).push(value)
    summary.notes.push(...row.notes)
  }
  return [...summaries.values()]
}

/** Median, and the spread behind it where there is more than one repeat: `6.4 (6.1–7.0)`. */
export function tableCells(table: Table, summaries: readonly Summary[]): string[][] {
  const head = ['', ...table.columns.map(({ title }) => title)]
  const body = summaries.map(({ label, values }) => [
    label,
    ...table.columns.map(({ key, digits }) => formatRepeats(values[key] ?? [], digits)),
  ])
  return [head, ...body]
}

function formatRepeats(values: readonly number[], digits: number): string {
  const format = (value: number): string => formatValue(value, digits)
  const [low, high] = [format(Math.min(...values)), format(Math.max(...values))]
  const middle = format(median(values))
  return values.length < 2 || low === high ? middle : `${middle} (${low}–${high})`
}
