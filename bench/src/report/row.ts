/** The figures of one measurement, by the keys of columns. */
export interface Row {
  label: string
  values: Record<string, number>
  /** What a reader must know beside the figures: anything that should not have happened. */
  notes: string[]
}
