import type { Session, Statement } from './database.js'

/**
 * Asks a statement that changes at most `atOnce` rows and returns them, again and again until there are no more.
 * @param isStopped asked before each portion
 * @returns how many rows were changed
 */
export async function inPortions(
  session: Session,
  statement: Statement,
  values: unknown[],
  atOnce: number,
  isStopped: () => boolean = () => false,
): Promise<number> {
  let changed = 0
  while (!isStopped()) {
    const rows = await session.query(statement, values)
    changed += rows.length
    if (rows.length < atOnce) break
  }
  return changed
}
