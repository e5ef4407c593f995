/** The same in the same order, beginning at another one. */
export function rotated<T>(items: readonly T[], rotation: number): T[] {
  const start = items.length > 0 ? rotation % items.length : 0
  return [...items.slice(start), ...items.slice(0, start)]
}
