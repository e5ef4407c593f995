import { z } from 'zod'

/** A page of a list, newest first. */
export interface Page<T> {
  data: T[]
  next_cursor: string | null
  has_more: boolean
}

export function listOf<T extends z.ZodType>(item: T) {
  return z.strictObject({ data: z.array(item), next_cursor: z.string().nullable(), has_more: z.boolean() })
}

const DEFAULT_LIMIT = 50

/** `?limit=` and `?cursor=`, as every list takes them; `shape` adds what one list filters by. */
export const pageQuery = {
  limit: z.coerce
    .number({ error: 'must be a whole number from 1 to 100' })
    .int()
    .min(1)
    .max(100)
    .default(DEFAULT_LIMIT),
  cursor: z
    .string()
    .meta({ pattern: '^[A-Za-z0-9_.-]+$' })
    .describe('The `next_cursor` of the page before; no other is taken.')
    .optional(),
}

/**
 * Makes a page of rows that were asked for with one more than the page holds.
 * @param cursorOf the keyset of a row, as a cursor
 */
export function pageOf<R, T>(rows: R[], limit: number, cursorOf: (row: R) => string, view: (row: R) => T): Page<T> {
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  const hasMore = rows.length > limit
  return {
    data: page.map(view),
    next_cursor: hasMore && last !== undefined ? cursorOf(last) : null,
    has_more: hasMore,
  }
}
