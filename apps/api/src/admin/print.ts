export interface PrintOptions {
  /** For scripts: one JSON value, nothing else. */
  json?: boolean
}

/** The answer of a command: for scripts as it is, for people as lines. */
export function print(answer: unknown, lines: string | string[], options: PrintOptions): void {
  const text = options.json ? JSON.stringify(answer) : [lines].flat().join('\n')
  process.stdout.write(`${text}\n`)
}

/** Rows under their headings, each column as wide as its widest cell. Nothing to show is said in words. */
export function table(headings: string[], rows: string[][], nothing: string): string[] {
  if (rows.length === 0) return [nothing]
  const widths = headings.map((heading, i) =>
    rows.reduce((widest, row) => Math.max(widest, (row[i] ?? '').length), heading.length),
  )
  const line = (cells: string[]) =>
    cells
      .map((cell, i) => printable(cell).padEnd(widths[i]!))
      .join('  ')
      .trimEnd()
  return [line(headings), ...rows.map(line)]
}

/** A terminal obeys control characters, and some of this text came from strangers. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '\ufffd')
}

/** Name and value per line, aligned. */
export function fields(entries: [name: string, value: string][]): string[] {
  const width = Math.max(...entries.map(([name]) => name.length))
  return entries.map(([name, value]) => `${name.padEnd(width)}  ${value}`)
}

export function time(at: Date | null): string {
  return at ? at.toISOString().slice(0, 16).replace('T', ' ') : '-'
}
