import { describe, expect, it } from 'vitest'
import { SlotSet, type Slotted } from './slot-set.js'

const member = (name: string): Slotted & { name: string } => ({ name, slot: -1 })

describe('SlotSet', () => {
  it('holds each member once', () => {
    const set = new SlotSet()
    const one = member('one')
    set.add(one)
    set.add(one)
    expect([...set]).toEqual([one])
  })

  it('lets go of any member, and of each once', () => {
    const set = new SlotSet<Slotted & { name: string }>()
    const members = ['a', 'b', 'c', 'd'].map(member)
    for (const each of members) set.add(each)
    expect(set.delete(members[1]!)).toBe(true)
    expect(set.delete(members[1]!)).toBe(false)
    expect(set.delete(members[3]!)).toBe(true)
    expect([...set].map(({ name }) => name).sort()).toEqual(['a', 'c'])
    set.add(members[1]!)
    expect(set.size).toBe(3)
  })

  it('may lose members while it is gone through', () => {
    const set = new SlotSet()
    for (const name of ['a', 'b', 'c']) set.add(member(name))
    let seen = 0
    for (const each of set) {
      seen++
      set.delete(each)
    }
    expect(seen).toBe(3)
    expect(set.size).toBe(0)
  })
})
