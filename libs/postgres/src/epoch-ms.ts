/** SQL for a timestamptz column as ms since the epoch, which is how times travel everywhere else. */
export function epochMs(column: string): string {
  return `(extract(epoch from ${column}) * 1000)::float8`
}
