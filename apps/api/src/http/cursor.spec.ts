import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { decodeCursor, encodeCursor } from './cursor.js'
import { Problem } from './problem.js'

const keyset = z.strictObject({ at: z.string(), id: z.string() })

function refusalOf(cursor: string): unknown {
  try {
    return decodeCursor('webhooks', keyset, cursor)
  } catch (error) {
    return error
  }
}

describe('a cursor', () => {
  it('comes back as the keyset it was made of', () => {
    fc.assert(
      fc.property(fc.record({ at: fc.string(), id: fc.string() }), (given) => {
        expect(decodeCursor('webhooks', keyset, encodeCursor('webhooks', given))).toEqual({ ...given })
      }),
    )
  })

  it('fits into a URL as it is', () => {
    expect(encodeCursor('webhooks', { at: '2024-01-15T14:45:00Z', id: 'ÿ?&=' })).toMatch(/^[A-Za-z0-9_-]+$/)
  })

  it.each([
    ['', 'nothing'],
    ['%%%', 'no base64'],
    ['bm90IGpzb24', 'no JSON'],
    [encodeCursor('events', { at: 'a', id: 'b' }), 'one of another list'],
    [encodeCursor('webhooks', { at: 'a' }), 'one with a field missing'],
    [encodeCursor('webhooks', { at: 'a', id: 7 }), 'one with a wrong type'],
    [encodeCursor('webhooks', { at: 'a', id: 'b', more: 1 }), 'one with a field too many'],
    [Buffer.from('["webhooks"]').toString('base64url'), 'one without a keyset'],
  ])('is refused with 400 when it is %s: %s', (cursor) => {
    const error = refusalOf(cursor)
    expect(error).toBeInstanceOf(Problem)
    expect(error).toMatchObject({ status: 400, errors: [{ pointer: '/cursor' }] })
  })
})
