import { z } from 'zod'
import { Problem } from './problem.js'

/**
 * Where a list goes on: the keyset of its last row, opaque to the caller. `kind` names the list, so that a cursor of
 * one is not understood by another.
 */
export function encodeCursor(kind: string, keyset: unknown): string {
  return Buffer.from(JSON.stringify([kind, keyset])).toString('base64url')
}

/**
 * Reads a cursor back and checks its shape: it comes from a stranger.
 * @throws {Problem} 400 for one that this list did not give
 */
export function decodeCursor<T>(kind: string, keyset: z.ZodType<T>, cursor: string): T {
  const parsed = z.tuple([z.literal(kind), keyset]).safeParse(parseJson(Buffer.from(cursor, 'base64url').toString()))
  if (!parsed.success) {
    throw new Problem(400, 'Invalid cursor', 'The cursor is not one that this list gave: begin without it.', {
      errors: [{ pointer: '/cursor', detail: 'not a cursor of this list' }],
    })
  }
  return parsed.data[1] as T
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
