import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assignUnits, type Claimant } from './assign-units.js'

const units = Array.from({ length: 12 }, (_, index) => String(index))

function claimant(memberId: string, held: string[] = [], generation = held.length > 0 ? 1 : -1): Claimant {
  return { memberId, generation, units: held }
}

describe('assignUnits', () => {
  it('gives every unit to exactly one member, evenly', () => {
    const member = fc.record({
      memberId: fc.string({ minLength: 1, maxLength: 4 }),
      generation: fc.integer({ min: -1, max: 3 }),
      units: fc.subarray([...units, 'gone']),
    })
    fc.assert(
      fc.property(fc.uniqueArray(member, { selector: (m) => m.memberId, minLength: 1, maxLength: 6 }), (members) => {
        const assigned = [...assignUnits(units, members).values()]
        expect(assigned.flat().sort()).toEqual([...units].sort())
        const sizes = assigned.map((list) => list.length)
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
      }),
    )
  })

  it('changes nothing when nobody came or left', () => {
    const first = assignUnits(units, [claimant('a'), claimant('b'), claimant('c')])
    const again = assignUnits(
      units,
      [...first].map(([memberId, held]) => claimant(memberId, held)),
    )
    for (const [memberId, held] of first) expect(again.get(memberId)!.sort()).toEqual(held.sort())
  })

  it('takes from each member only what a new one must get', () => {
    const first = assignUnits(units, [claimant('a'), claimant('b')])
    const withThird = assignUnits(units, [...[...first].map(([id, held]) => claimant(id, held)), claimant('c')])
    for (const [memberId, held] of first) {
      expect(withThird.get(memberId)!.every((unit) => held.includes(unit))).toBe(true)
    }
    expect(withThird.get('c')).toHaveLength(4)
  })

  it('gives a member that was away what it held before, of what it must get', () => {
    const held = ['2', '4', '5', '8', '9', '11']
    const assigned = assignUnits(units, [claimant('stayed', units, 4), claimant('back', held, 3)])
    expect(assigned.get('back')!.sort()).toEqual(held.sort())
  })

  it('believes the member of the later generation', () => {
    const assigned = assignUnits(['0', '1'], [claimant('old', ['0', '1'], 3), claimant('new', ['1'], 4)])
    expect(assigned.get('new')).toEqual(['1'])
    expect(assigned.get('old')).toEqual(['0'])
  })
})
