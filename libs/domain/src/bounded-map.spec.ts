import fc from 'fast-check'
import { expect, it } from 'vitest'
import { BoundedMap } from './bounded-map.js'

it('behaves like a list of which the last are kept, however it is used', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('set' as const), key: fc.constantFrom(...'abcdefgh') }),
    fc.record({ kind: fc.constant('forget' as const) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), fc.integer({ min: 1, max: 5 }), (steps, most) => {
      const map = new BoundedMap<string, number>(most)
      let model: [string, number][] = []
      steps.forEach((each, i) => {
        if (each.kind === 'set') {
          map.set(each.key, i)
          model = [...model.filter(([key]) => key !== each.key), [each.key, i] as [string, number]].slice(-most)
        } else {
          map.forgetOldest()
          model.shift()
        }
        expect(map.size).toBe(model.length)
        expect(map.oldest).toBe(model[0]?.[1])
        for (const key of 'abcdefgh') expect(map.get(key)).toBe(model.find(([known]) => known === key)?.[1])
      })
    }),
  )
})

// With a Map whose first key is deleted this takes longer than a test may.
it('takes a new key as quickly when it is full as before', () => {
  const map = new BoundedMap<string, number>(200_000)
  for (let i = 0; i < 600_000; i++) map.set(`key ${i}`, i)
  expect([map.size, map.oldest]).toEqual([200_000, 400_000])
})
