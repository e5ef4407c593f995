import { Problem } from '../http/problem.js'

/** What an id may look like, whether it exists or not. */
export const ID_SHAPES = {
  webhook: /^whk_[\w-]{1,100}$/,
  delivery: /^dlv_[\w-]{1,100}$/,
  event: /^evt_[\w-]{1,100}$/,
}

/** Unknown, another account's or no id at all: the same answer. */
export function notFound(what: keyof typeof ID_SHAPES): Problem {
  return new Problem(404, 'Not Found', `There is no such ${what} in this account.`)
}

/**
 * What cannot be an id is not looked for: it may hold what Postgres refuses.
 * @throws {Problem} 404
 */
export function knownId(what: keyof typeof ID_SHAPES, text: string): string {
  if (!ID_SHAPES[what].test(text)) throw notFound(what)
  return text
}
