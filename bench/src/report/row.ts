/** The figures of one measurement, by the keys of columns. */
export interface Row {
  label: string
  values: Record<string, number>
  /** What a reader must know beside the figures: anything that should not have happened. */
  notes: string[]
}

export function meanP99(...rows: readonly Row[]): number {
  return rows.reduce((sum, { values }) => sum + values.p99!, 0) / rows.length
}
