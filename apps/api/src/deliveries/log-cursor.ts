import { z } from 'zod'
import type { LogPage } from '#postgres'
import { decodeCursor, encodeCursor } from '../http/cursor.js'

/** Where a page of a log ended: acceptance time (ms) and id of its last row. */
const keyset = z.tuple([z.int().min(0).max(Date.parse('9999-01-01T00:00:00Z')), z.string().regex(/^[\w-]{1,200}$/)])

/** `kind` names the list, so that the cursor of one is not taken by another. */
export function logCursor(kind: string, row: { acceptedAt: number; id: string }): string {
  return encodeCursor(kind, [row.acceptedAt, row.id])
}

/** @throws {Problem} 400 for a cursor that this list did not give */
export function logPage(kind: string, query: { limit: number; cursor?: string | undefined }): LogPage {
  if (query.cursor === undefined) return { limit: query.limit }
  const [acceptedAt, id] = decodeCursor(kind, keyset, query.cursor)
  return { limit: query.limit, after: { acceptedAt, id } }
}
