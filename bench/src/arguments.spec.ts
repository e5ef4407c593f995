import { expect, it } from 'vitest'
import { parseBenchArguments } from './arguments.js'

const parse = (...argv: string[]) => parseBenchArguments(argv, ['rates', 'burst'])

it('measures everything three times for a minute unless told otherwise', () => {
  expect(parse()).toMatchObject({ scenarios: [], repeats: 3, seconds: 60, quick: false, write: false })
  expect(parse('--quick')).toMatchObject({ repeats: 1, seconds: 8, quick: true })
  expect(parse('burst', '--quick', '--repeats', '2', '--seconds=20')).toMatchObject({
    scenarios: ['burst'],
    repeats: 2,
    seconds: 20,
  })
})

it('refuses what it does not know, and loads without bounds', () => {
  expect(() => parse('everything')).toThrow('unknown scenario everything')
  expect(() => parse('--fast')).toThrow('--fast')
  expect(() => parse('--repeats', '11')).toThrow('--repeats is a whole number from 1 to 10, and not "11"')
  expect(() => parse('--seconds', '1e9')).toThrow('--seconds')
})
