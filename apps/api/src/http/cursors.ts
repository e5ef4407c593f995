import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto'
import type { z } from 'zod'
import { Problem } from './problem.js'

const TAG_BYTES = 18
const SHAPE = /^([\w-]+)\.([\w-]{24})$/

/**
 * Where a list goes on: the keyset of its last row, and a tag that only we can make of it. A cursor that was changed, was
 * made up, or is of another list or account is refused: it would else lead to some page, and look as if rows were missing.
 */
export class Cursors {
  /** The newest first. */
  readonly #keys: Buffer[]

  /** @param secrets of 32 bytes, the newest first: a cursor outlives a change of the key as long as its key is known */
  constructor(secrets: readonly Buffer[]) {
    this.#keys = secrets.map((secret) => Buffer.from(hkdfSync('sha256', secret, '', 'cursors of lists', 32)))
  }

  /** @param list names it, with whatever else decides on its rows and order but filters: the account, the webhook */
  encode(list: readonly string[], keyset: unknown): string {
    const text = Buffer.from(JSON.stringify(keyset)).toString('base64url')
    return `${text}.${tagOf(this.#keys[0]!, list, text).toString('base64url')}`
  }

  /** @throws {Problem} 400 for one that this list did not give */
  decode<T>(list: readonly string[], keyset: z.ZodType<T>, cursor: string): T {
    const [, text = '', tag = ''] = SHAPE.exec(cursor) ?? []
    const given = Buffer.from(tag, 'base64url')
    const isOurs =
      given.length === TAG_BYTES && this.#keys.some((key) => timingSafeEqual(tagOf(key, list, text), given))
    if (!isOurs) throw notOfThisList()
    // What we signed may be of an older release, whose keyset was another one.
    const parsed = keyset.safeParse(JSON.parse(Buffer.from(text, 'base64url').toString()))
    if (!parsed.success) throw notOfThisList()
    return parsed.data
  }
}

function tagOf(key: Buffer, list: readonly string[], text: string): Buffer {
  const signed = JSON.stringify([...list, text])
  return createHmac('sha256', key).update(signed).digest().subarray(0, TAG_BYTES)
}

function notOfThisList(): Problem {
  return new Problem(400, 'Invalid cursor', 'The cursor is not one that this list gave: begin without it.', {
    errors: [{ pointer: '/cursor', detail: 'not a cursor of this list' }],
  })
}
