import { z } from 'zod'

/** A time as a caller writes it: checked to be RFC 3339, then passed on as it came, in whatever precision and offset. */
export function timestamp() {
  return z
    .string()
    .refine(isRfc3339, { error: 'must be a time as in RFC 3339, such as 2024-01-15T14:45:00Z' })
    .meta({ format: 'date-time' })
}

// Nanoseconds are nine digits; a fraction without end would make room for anything.
const RFC_3339 =
  /^(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d{1,12})?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/i

export function isRfc3339(text: string): boolean {
  const [, year, month, day] = RFC_3339.exec(text) ?? []
  if (year === undefined) return false
  return Number(day) <= 28 || Number(day) <= daysInMonth(Number(year), Number(month))
}

function daysInMonth(year: number, month: number): number {
  // Day 0 of the following month is the last of this one.
  return new Date(Date.UTC(year < 100 ? year + 400 : year, month, 0)).getUTCDate()
}
