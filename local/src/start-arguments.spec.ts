import { describe, expect, it } from 'vitest'
import { parseStartArguments } from './start-arguments.js'

describe('the arguments of npm start', () => {
  it('start with the sample and with the data of before, when there are none', () => {
    expect(parseStartArguments([])).toEqual({ sample: true, reset: false, help: false })
  })

  it('may leave out the sample and begin anew, in any order', () => {
    expect(parseStartArguments(['--reset', '--no-sample'])).toEqual({ sample: false, reset: true, help: false })
  })

  it('are refused, with the usage, when one is unknown', () => {
    expect(() => parseStartArguments(['--no-sample', '--fresh'])).toThrow(/--fresh[\s\S]*--no-sample[\s\S]*--reset/)
  })
})
