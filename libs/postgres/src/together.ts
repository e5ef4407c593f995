import { sqlState } from './database-unavailable.js'

/**
 * The answers to questions that were asked in the same breath: a session sends each statement at once, behind those
 * that are not answered yet, which spares a way there and back for each. Postgres works them off one after the other.
 *
 * When it rejects, all have ended: a statement that was sent after the rollback would stand outside of any transaction.
 *
 * @throws what failed, and not what Postgres refused because of it
 */
export async function together<T extends readonly Promise<unknown>[]>(
  ...asked: T
): Promise<{ -readonly [K in keyof T]: Awaited<T[K]> }> {
  const ends = await Promise.allSettled(asked)
  const failures = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []))
  if (failures.length > 0) throw failures.find((failure) => !isConsequence(failure)) ?? failures[0]
  return Promise.all(asked)
}

/** "Current transaction is aborted": an earlier statement of it failed. */
function isConsequence(failure: unknown): boolean {
  return sqlState(failure) === '25P02'
}
