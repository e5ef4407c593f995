import type { Duplex } from 'node:stream'
import pg from 'pg'

/**
 * One statement on one connection. With no answer in time the connection is closed, since nobody knows what it would
 * say next; whoever listens to its `error` is told.
 *
 * Not `client.query(config)` with pg's own `query_timeout`: pg then assigns a function to a property for each query, and
 * V8 puts such a function into the old generation at once. With it everything that it can see stays until the whole heap
 * is collected: the values and the rows of every query.
 *
 * @throws pg's own error, whose trace does not lead here: what was asked is in its message
 */
export function ask<Row extends object>(
  client: pg.ClientBase,
  question: pg.QueryConfig,
  withinMs: number,
): Promise<Row[]> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => socketOf(client).destroy(new Error('Query read timeout')), withinMs)
    const query = new pg.Query<Row>(question, (error, result) => {
      clearTimeout(late)
      if (error) reject(error)
      else resolve(result.rows)
    })
    client.query(query)
  })
}

/** pg has it, and its types do not tell. */
function socketOf(client: pg.ClientBase): Duplex {
  return (client as unknown as { connection: { stream: Duplex } }).connection.stream
}
