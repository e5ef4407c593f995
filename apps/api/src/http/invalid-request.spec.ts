import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { invalidRequest } from './invalid-request.js'

const schema = z.strictObject({ name: z.string(), nested: z.strictObject({ list: z.array(z.number()) }) })

function problemOf(value: unknown, pointer?: string) {
  return invalidRequest(schema.safeParse(value).error!.issues, pointer)
}

describe('invalidRequest', () => {
  it('names every wrong field by its JSON pointer', () => {
    const problem = problemOf({ nested: { list: [1, 'two'], 'a/b': 1 }, more: 1 })
    expect(problem.status).toBe(422)
    expect(problem.errors).toEqual([
      { pointer: '/name', detail: 'is required' },
      { pointer: '/nested/list/1', detail: 'must be number, received string' },
      { pointer: '/nested/a~1b', detail: 'is not a known field' },
      { pointer: '/more', detail: 'is not a known field' },
    ])
  })

  it('says null is wrong rather than missing', () => {
    expect(problemOf({ name: null, nested: { list: [] } }).errors).toEqual([
      { pointer: '/name', detail: 'must be string, received null' },
    ])
  })

  it('names the whole body when it is no object', () => {
    expect(problemOf([]).errors).toEqual([{ pointer: '', detail: 'must be object, received array' }])
  })

  it('puts a prefix before pointers', () => {
    expect(problemOf({ name: 'a' }, '/events/17').errors).toEqual([
      { pointer: '/events/17/nested', detail: 'is required' },
    ])
  })

  it('names no more than fifty', () => {
    const unknown = Object.fromEntries(Array.from({ length: 80 }, (_, index) => [`f${index}`, 1]))
    const problem = problemOf({ name: '', nested: { list: [] }, ...unknown })
    expect(problem.errors).toHaveLength(50)
    expect(problem.detail).toBe('80 fields are not as they should be; the first 50 are named.')
  })
})
