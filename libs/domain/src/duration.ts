const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const
type Unit = keyof typeof UNIT_MS

/**
 * Reads a duration as operators write it: `250ms`, `10s`, `1m`, `3h36m`, `30d`. Answers milliseconds.
 * @throws {RangeError} with a sentence that says how to write one
 */
export function parseDuration(text: string): number {
  const parts = [...text.matchAll(/(\d+)(ms|s|m|h|d)/gy)]
  const consumed = parts.reduce((length, part) => length + part[0].length, 0)
  const ms = parts.reduce((sum, [, count, unit]) => sum + Number(count) * UNIT_MS[unit as Unit], 0)
  if (parts.length === 0 || consumed !== text.length || !Number.isSafeInteger(ms)) {
    throw new RangeError(`"${text}" is not a duration: write it like 250ms, 10s, 1m, 3h36m or 30d`)
  }
  return ms
}

/** Writes milliseconds as `parseDuration` reads them, largest unit first: 12_960_000 is `3h36m`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s'
  let rest = ms
  let text = ''
  for (const unit of ['d', 'h', 'm', 's', 'ms'] as const) {
    const count = Math.floor(rest / UNIT_MS[unit])
    if (count > 0) text += `${count}${unit}`
    rest -= count * UNIT_MS[unit]
  }
  return text
}
