import { z } from 'zod'
import type { LogPage } from '#postgres'
import type { Cursors } from '../http/cursors.js'

/** Where a page of a log ended: acceptance time (ms) and id of its last row. */
const keyset = z.tuple([z.int().min(0), z.string()])

/** The cursors of one list, which `list` names: that of another, or of another account, is not taken. */
export class LogCursor {
  constructor(
    private readonly cursors: Cursors,
    private readonly list: readonly string[],
  ) {}

  after(row: { acceptedAt: number; id: string }): string {
    return this.cursors.encode(this.list, [row.acceptedAt, row.id])
  }

  /** @throws {Problem} 400 for a cursor that this list did not give */
  page(query: { limit: number; cursor?: string | undefined }): LogPage {
    if (query.cursor === undefined) return { limit: query.limit }
    const [acceptedAt, id] = this.cursors.decode(this.list, keyset, query.cursor)
    return { limit: query.limit, after: { acceptedAt, id } }
  }
}
