/** One page of a log, newest first; `after` is the last row of the page before. Times in ms since the epoch. */
export interface LogPage {
  limit: number
  after?: { acceptedAt: number; id: string } | undefined
}

/** Later than any row: where a filter or a keyset names no end. */
export const END_OF_TIME = Date.parse('9999-01-01T00:00:00Z')

/** What the rows of a page come after; of the first page, everything does. */
export function keysetOf({ after }: LogPage): [acceptedAt: number, id: string] {
  return after ? [after.acceptedAt, after.id] : [END_OF_TIME, '']
}
