import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LeftRecords } from './left-records.js'

function some(...webhooks: string[]): LeftRecords {
  const left = new LeftRecords()
  webhooks.forEach((webhookId, i) => left.add(100 + 10 * i, webhookId))
  return left
}

describe('records that were left', () => {
  it('are counted by webhook until they are taken', () => {
    const left = some('a', 'b', 'a')
    expect([left.count, left.webhooks, left.of('a'), left.of('b'), left.of('c')]).toEqual([3, 2, 2, 1, 0])
    left.takeBetween(100, 110, () => true)
    expect([left.count, [...left.webhookIds], left.of('b')]).toEqual([1, ['a'], 0])
  })

  it('are read from the oldest that is wanted', () => {
    const left = some('a', 'b', 'a')
    expect(left.stretch((webhookId) => webhookId === 'b')).toEqual({ from: 110, end: 121 })
    expect(left.stretch(() => false)).toBeUndefined()
  })

  it('span from the oldest to what was read', () => {
    expect(some('a', 'b').spanTo(150)).toBe(50)
    expect(some().spanTo(150)).toBe(0)
  })

  it('are what was added and not taken, in their order', () => {
    const steps = fc.array(
      fc.oneof(
        fc.record({ add: fc.constantFrom('a', 'b', 'c') }),
        fc.record({ from: fc.nat(60), to: fc.nat(60), take: fc.constantFrom('a', 'b', 'c') }),
      ),
      { maxLength: 60 },
    )
    fc.assert(
      fc.property(steps, (all) => {
        const left = new LeftRecords()
        let expected: { offset: number; webhookId: string }[] = []
        let offset = 0
        for (const step of all) {
          if ('add' in step) {
            expected.push({ offset, webhookId: step.add })
            left.add(offset++, step.add)
            continue
          }
          const asked: number[] = []
          left.takeBetween(step.from, step.to, (record) => {
            asked.push(record.offset)
            return record.webhookId === step.take
          })
          const between = expected.filter((record) => record.offset >= step.from && record.offset <= step.to)
          expect(asked).toEqual(between.map((record) => record.offset))
          expected = expected.filter((record) => !between.includes(record) || record.webhookId !== step.take)
        }
        const kept: number[] = []
        left.takeBetween(0, offset, (record) => kept.push(record.offset) < 0)
        expect(kept).toEqual(expected.map((record) => record.offset))
        expect(left.count).toBe(expected.length)
        for (const id of ['a', 'b', 'c']) expect(left.of(id)).toBe(expected.filter((r) => r.webhookId === id).length)
      }),
    )
  })
})
