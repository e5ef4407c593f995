import { isUtf8 } from 'node:buffer'
import { forbiddenText } from './forbidden-text.js'
import { Problem } from './problem.js'

/** The deepest body that a route takes has five levels; what is far beyond it wants to exhaust a stack, not to say anything. */
export const MAX_DEPTH = 32

/**
 * Reads a request's body. Depth is judged on the bytes, before anything that could recurse or allocate per level.
 *
 * @returns undefined for an empty body
 * @throws {Problem} 400 when it is not JSON in UTF-8, 422 when it holds text that Postgres and receivers refuse
 */
export function parseJsonBody(body: Buffer): unknown {
  if (body.length === 0) return undefined
  if (!isUtf8(body)) throw unreadable('The body is not valid UTF-8.')
  if (isDeeperThan(MAX_DEPTH, body)) throw unreadable(`The body is nested deeper than ${MAX_DEPTH} levels.`)
  const text = withoutByteOrderMark(body.toString('utf8'))
  const value = parse(text)
  const errors = forbiddenText(text, value)
  if (errors.length > 0) {
    throw new Problem(422, 'Invalid request', 'The body holds text that cannot be stored or delivered.', { errors })
  }
  return value
}

/** Whether a JSON text opens more brackets within each other than this; what it says of other texts means nothing. */
export function isDeeperThan(most: number, json: Buffer): boolean {
  let depth = 0
  let inString = false
  for (let at = 0; at < json.length; at++) {
    const byte = json[at]
    if (inString) {
      if (byte === BACKSLASH) at++
      else if (byte === QUOTE) inString = false
    } else if (byte === QUOTE) inString = true
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (++depth > most) return true
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--
  }
  return false
}

const [QUOTE, BACKSLASH, OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET] = Buffer.from('"\\{}[]') as unknown as [
  number,
  number,
  number,
  number,
  number,
  number,
]

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    // The engine's own message quotes the body; where in it the fault is says enough.
    const [, position] = /at position (\d+)/.exec(String(error)) ?? []
    throw unreadable(`The body is not JSON${position === undefined ? '' : `: see position ${position}`}.`)
  }
}

function withoutByteOrderMark(text: string): string {
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
}

function unreadable(detail: string): Problem {
  return new Problem(400, 'Unreadable body', detail, { errors: [{ pointer: '', detail }] })
}
