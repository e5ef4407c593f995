import { createHash } from 'node:crypto'

/** The two that read. The API needs none: its user owns the tables. */
export const READERS = ['fanout', 'dispatcher'] as const
export type Reader = (typeof READERS)[number]

/** Postgres cuts longer names short, and two that were cut alike would be one. Bytes. */
const LONGEST_NAME = 63

/**
 * The group role of a service that only reads. Roles belong to a whole server, so the name carries the database's:
 * neither two installations on one server nor an installation and its copy share one.
 */
export function roleName(database: string, reader: Reader): string {
  const name = `${database}_${reader}`
  if (Buffer.byteLength(name) <= LONGEST_NAME) return name
  return `webhooks_${createHash('sha256').update(database).digest('hex').slice(0, 32)}_${reader}`
}
