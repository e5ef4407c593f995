/** A column shows one value of a row; `digits` after the point. */
export interface Column {
  key: string
  title: string
  digits: number
}

export interface Table {
  title: string
  columns: readonly Column[]
}

/** For people: `1,234.5`, `–` for what is not known, `never` for what would take for ever. */
export function formatValue(value: number | undefined, digits: number): string {
  if (value === undefined || Number.isNaN(value)) return '–'
  if (!Number.isFinite(value)) return 'never'
  return value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })
}

/** Text in columns, the first to the left and the others to the right. */
export function alignedLines(cells: readonly (readonly string[])[]): string[] {
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((row) => row[column]!.length)))
  return cells.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('   ')
      .trimEnd(),
  )
}

export function markdownLines(cells: readonly (readonly string[])[]): string[] {
  const [head = [], ...body] = cells
  const line = (row: readonly string[]): string => `| ${row.join(' | ')} |`
  return [line(head), line(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...body.map(line)]
}
