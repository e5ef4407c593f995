import { describe, expect, it } from 'vitest'
import { SecretChoice, looksLikeWrongSecret } from './secret-choice.js'

describe('during the overlap of a rotation', () => {
  const both = ['whsec_new', 'whsec_old']

  it('the old secret comes first, since nobody has switched yet', () => {
    expect(new SecretChoice().order(both)).toEqual({ first: 'whsec_old', other: 'whsec_new' })
  })

  it('the secret that was accepted last comes first, in either direction', () => {
    const choice = new SecretChoice()
    choice.prefer('whsec_new')
    expect(choice.order(both)).toEqual({ first: 'whsec_new', other: 'whsec_old' })
    choice.prefer('whsec_old')
    expect(choice.order(both).first).toBe('whsec_old')
  })
})

it('one secret is the only choice, whatever was preferred before', () => {
  const choice = new SecretChoice()
  choice.prefer('whsec_old')
  expect(choice.order(['whsec_new'])).toEqual({ first: 'whsec_new', other: undefined })
})

it.each([
  [400, true],
  [401, true],
  [403, true],
  [404, false],
  [500, false],
  [200, false],
])('an answer of %i may mean the wrong secret: %s', (status, expected) => {
  expect(looksLikeWrongSecret(status)).toBe(expected)
})
