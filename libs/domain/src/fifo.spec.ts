import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Fifo } from './fifo.js'

it('behaves like an array whose ends are used, however it is used', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('push' as const), value: fc.nat() }),
    fc.record({ kind: fc.constant('unshift' as const), value: fc.nat() }),
    fc.record({ kind: fc.constantFrom('shift' as const, 'pop' as const) }),
    fc.record({ kind: fc.constant('removeOdd' as const) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const fifo = new Fifo<number>()
      let model: number[] = []
      for (const each of steps) {
        if (each.kind === 'push') model.push((fifo.push(each.value), each.value))
        if (each.kind === 'unshift') model.unshift((fifo.unshift(each.value), each.value))
        if (each.kind === 'shift') expect(fifo.shift()).toBe(model.shift())
        if (each.kind === 'pop') expect(fifo.pop()).toBe(model.pop())
        if (each.kind === 'removeOdd') {
          expect(fifo.removeWhere((n) => n % 2 === 1)).toEqual(model.filter((n) => n % 2 === 1))
          model = model.filter((n) => n % 2 === 0)
        }
        expect(fifo.length).toBe(model.length)
      }
    }),
  )
})

it('gives back the memory of what it gave away', () => {
  const fifo = new Fifo<number>()
  for (let i = 0; i < 5_000; i++) fifo.push(i)
  for (let i = 0; i < 5_000; i++) expect(fifo.shift()).toBe(i)
  expect(fifo.shift()).toBeUndefined()
})
