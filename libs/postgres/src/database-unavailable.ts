/**
 * Postgres could not be asked, or not in time: away, restarting, failing over or overloaded. Nothing is wrong with
 * the question; asked again later it may succeed. The HTTP door answers 503 to it, loops wait and repeat.
 */
export class DatabaseUnavailable extends Error {
  override name = 'DatabaseUnavailable'
}

/** Socket and resolver errors, as Node names them. */
const NETWORK_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
])

/**
 * SQLSTATEs that say "not now": connection and resource classes, shutdown and start-up, a standby that has not taken
 * over yet, time-outs of statements and locks, and transactions that lost against another.
 */
const NOT_NOW = /^(08...|53...|57P0[1-5]|57014|25006|55P03|40001|40P01|25P03)$/

/** pg's own errors have no code, only these words. */
const DRIVER_WORDS = [
  'timeout exceeded when trying to connect',
  'Connection terminated',
  'Query read timeout',
  'connection error and is not queryable',
  'after calling end on the pool',
]

/** Turns what pg or TypeORM threw into a `DatabaseUnavailable` where it is one; anything else stays what it was. */
export function translated(error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof DatabaseUnavailable) return error
  const code = sqlState(error) ?? ''
  const isUnavailable =
    NETWORK_CODES.has(code) || NOT_NOW.test(code) || DRIVER_WORDS.some((words) => error.message.includes(words))
  return isUnavailable ? new DatabaseUnavailable(error.message || code, { cause: error }) : error
}

/** Five characters that say what kind of error it is (`23505`: not unique), or Node's code of a socket error. */
export function sqlState(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined
  const { code, driverError } = error as Error & { code?: unknown; driverError?: unknown }
  return typeof code === 'string' ? code : sqlState(driverError)
}
