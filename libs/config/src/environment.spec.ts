import { expect, test } from 'vitest'
import { ConfigurationProblems, EnvironmentReader, type Variable } from './environment.js'
import { problemsOf } from './environment.testing.js'

const count: Variable<number> = {
  name: 'COUNT',
  describe: 'How many.',
  parse: (text) => {
    if (!/^\d+$/.test(text)) throw new Error(`"${text}" is not a number`)
    return Number(text)
  },
}
const countOrSeven: Variable<number> = { ...count, fallback: '7' }

test('reads what is set', () => {
  expect(new EnvironmentReader({ COUNT: '3' }).required(countOrSeven)).toBe(3)
})

test('takes the default where nothing is set, and an empty text is nothing', () => {
  expect(new EnvironmentReader({}).required(countOrSeven)).toBe(7)
  expect(new EnvironmentReader({ COUNT: '' }).required(countOrSeven)).toBe(7)
  expect(new EnvironmentReader({ COUNT: '' }).optional(count)).toBeUndefined()
})

test('knows what is set, also where it is wrong', () => {
  const reader = new EnvironmentReader({ COUNT: 'many', SIZE: '' })
  expect(['COUNT', 'SIZE', 'WEIGHT'].map((name) => reader.isSet(name))).toEqual([true, false, false])
})

test('a missing variable is told with the sentence that documents it', () => {
  const reader = new EnvironmentReader({})
  reader.required(count)
  expect(problemsOf(() => reader.done())).toEqual(['COUNT is not set: How many.'])
})

test('a wrong value is told once, also where it is required', () => {
  const reader = new EnvironmentReader({ COUNT: 'many' })
  reader.required(count)
  expect(problemsOf(() => reader.done())).toEqual(['COUNT: "many" is not a number'])
})

test('all problems are told in one message', () => {
  const reader = new EnvironmentReader({ COUNT: 'many' })
  reader.required(count)
  reader.required({ ...count, name: 'SIZE' })
  reader.problem('COUNT and SIZE disagree')
  expect(() => reader.done()).toThrow(ConfigurationProblems)
  expect(() => reader.done()).toThrow(
    'The configuration has 3 problem(s):\n' +
      '  - COUNT: "many" is not a number\n' +
      '  - SIZE is not set: How many.\n' +
      '  - COUNT and SIZE disagree',
  )
})

test('an environment without problems is done quietly', () => {
  const reader = new EnvironmentReader({ COUNT: '3' })
  reader.required(count)
  expect(reader.hasProblems).toBe(false)
  expect(() => reader.done()).not.toThrow()
})
