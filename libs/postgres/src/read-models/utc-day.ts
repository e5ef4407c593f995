const DAY_MS = 86_400_000

/** A day in UTC, as the number of days since the epoch. */
export type UtcDay = number

export function dayOf(ms: number): UtcDay {
  return Math.floor(ms / DAY_MS)
}

export function startOf(day: UtcDay): number {
  return day * DAY_MS
}

/**
 * Whether rows of this acceptance (ms) are kept for sure: a day goes as a whole, when its last moment is older than
 * `keptMs`.
 */
export function isDayKept(acceptedAt: number, keptMs: number, now: number): boolean {
  return dayOf(acceptedAt) >= dayOf(now - keptMs)
}

/** `events_20240115`. */
export function partitionName(table: string, day: UtcDay): string {
  return `${table}_${new Date(startOf(day)).toISOString().slice(0, 10).replaceAll('-', '')}`
}

/** Undefined for a table that is not one of `table`'s partitions by name. */
export function dayOfPartition(table: string, name: string): UtcDay | undefined {
  const [, year, month, day] = /_(\d{4})(\d{2})(\d{2})$/.exec(name) ?? []
  const start = Date.parse(`${year}-${month}-${day}T00:00:00Z`)
  return !Number.isNaN(start) && partitionName(table, dayOf(start)) === name ? dayOf(start) : undefined
}
