import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { Cursors } from './cursors.js'
import { Problem } from './problem.js'

const keyset = z.strictObject({ at: z.string(), id: z.string() })
const LIST = ['deliveries', 'acc_1', 'whk_1']
const [OLD, NEW] = [randomBytes(32), randomBytes(32)]
const cursors = new Cursors([NEW])
const cursor = cursors.encode(LIST, { at: '2024-01-15T14:45:00Z', id: 'dlv_1' })

function expectRefused(given: string, list = LIST): void {
  let error: unknown
  try {
    cursors.decode(list, keyset, given)
  } catch (thrown) {
    error = thrown
  }
  expect(error, given).toBeInstanceOf(Problem)
  expect(error).toMatchObject({ status: 400, errors: [{ pointer: '/cursor' }] })
}

describe('a cursor', () => {
  it('comes back as the keyset it was made of', () => {
    fc.assert(
      fc.property(fc.record({ at: fc.string(), id: fc.string() }), (given) => {
        expect(cursors.decode(LIST, keyset, cursors.encode(LIST, given))).toEqual({ ...given })
      }),
    )
  })

  it('fits into a URL as it is', () => {
    expect(cursors.encode(LIST, { at: 'ÿ?&=', id: '\u{1f600}' })).toMatch(/^[\w.-]+$/)
  })

  it('is refused whichever character of it is changed, taken away or added', () => {
    for (let at = 0; at <= cursor.length; at++) {
      const [before, after] = [cursor.slice(0, at), cursor.slice(at)]
      if (after) expectRefused(before + after.slice(1))
      for (const character of ['A', '!', '.', '~', '=', ' ']) {
        expectRefused(before + character + after)
        if (after && after[0] !== character) expectRefused(before + character + after.slice(1))
      }
    }
  })

  it.each(['', '.', 'nonsense', '%%%', cursor.split('.')[0]!, Buffer.from('["deliveries"]').toString('base64url')])(
    'is refused when it was made up: "%s"',
    (given) => expectRefused(given),
  )

  it('is refused by every other list: of another name, account or webhook', () => {
    expectRefused(cursor, ['events', 'acc_1', 'whk_1'])
    expectRefused(cursor, ['deliveries', 'acc_2', 'whk_1'])
    expectRefused(cursor, ['deliveries', 'acc_1', 'whk_2'])
    expectRefused(cursor, ['deliveries', 'acc_1whk_1'])
  })

  it('is refused when its keyset has another shape than the list has now', () => {
    expectRefused(cursors.encode(LIST, { at: 'a', id: 7 }))
    expectRefused(cursors.encode(LIST, { at: 'a', id: 'b', more: 1 }))
  })

  it('outlives a change of the key as long as the old one is known', () => {
    const old = new Cursors([OLD]).encode(LIST, { at: 'a', id: 'b' })
    expect(new Cursors([NEW, OLD]).decode(LIST, keyset, old)).toEqual({ at: 'a', id: 'b' })
    expectRefused(old)
  })
})
