import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LeftRecords } from './left-records.js'

function some(...webhooks: string[]): LeftRecords {
  const left = new LeftRecords()
  webhooks.forEach((webhookId, i) => left.add(webhookId, 100 + 10 * i, i))
  return left
}

describe('records that were left', () => {
  it('are counted by webhook until they are taken, of each the oldest first', () => {
    const left = some('a', 'b', 'a')
    expect([left.count, left.webhooks, left.of('a'), left.of('b'), left.of('c')]).toEqual([3, 2, 2, 1, 0])
    expect(left.takeOldest('a')).toEqual({ offset: 100, at: 0 })
    expect(left.oldestOf('a')).toEqual({ offset: 120, at: 2 })
    left.takeOldest('a')
    expect(left.takeOldest('a')).toBeUndefined()
    expect([left.count, left.webhookIds, left.oldestOf('a')]).toEqual([1, ['b'], undefined])
  })

  it('reach from the oldest of all to the newest that was added', () => {
    const left = some('a', 'b', 'a')
    expect([left.oldest, left.end]).toEqual([{ offset: 100, at: 0, webhookId: 'a' }, 121])
    left.takeOldest('a')
    expect(left.oldest).toEqual({ offset: 110, at: 1, webhookId: 'b' })
    expect(some().oldest).toBeUndefined()
  })

  it('let their webhooks take turns', () => {
    const left = some('a', 'b', 'c')
    left.turnedTo('a')
    left.turnedTo('none')
    expect(left.webhookIds).toEqual(['b', 'c', 'a'])
    left.add('b', 200, 9)
    expect(left.webhookIds).toEqual(['b', 'c', 'a'])
  })

  it('are what was added and not taken, in their order', () => {
    const step = fc.record({ isAdded: fc.boolean(), webhookId: fc.constantFrom('a', 'b', 'c') })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
        const left = new LeftRecords()
        const expected: { offset: number; webhookId: string }[] = []
        for (const [offset, { isAdded, webhookId }] of steps.entries()) {
          if (isAdded) {
            left.add(webhookId, offset, 0)
            expected.push({ offset, webhookId })
            continue
          }
          const index = expected.findIndex((record) => record.webhookId === webhookId)
          expect(left.takeOldest(webhookId)?.offset).toBe(index < 0 ? undefined : expected.splice(index, 1)[0]!.offset)
        }
        expect(left.count).toBe(expected.length)
        expect(left.oldest?.offset).toBe(expected[0]?.offset)
        for (const id of ['a', 'b', 'c']) expect(left.of(id)).toBe(expected.filter((r) => r.webhookId === id).length)
      }),
    )
  })
})
