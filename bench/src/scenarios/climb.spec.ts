import { describe, expect, it } from 'vitest'
import { climb, ladder } from './climb.js'

function climbing(trialLimit: number, holdLimit: number) {
  const tried: string[] = []
  const upTo = (what: string, limit: number) => async (rate: number) => {
    tried.push(`${what} ${rate}`)
    return { rate, sustained: rate <= limit }
  }
  return { tried, held: climb([1, 2, 3, 4], upTo('trial', trialLimit), upTo('hold', holdLimit)) }
}

describe('the climb', () => {
  it('holds the last rate before the one that was too much', async () => {
    const { tried, held } = climbing(2, 2)
    expect(await held).toEqual({ rate: 2, sustained: true })
    expect(tried).toEqual(['trial 1', 'trial 2', 'trial 3', 'trial 3', 'hold 2'])
  })

  it('goes on behind a step that was bad once', async () => {
    let tries = 0
    const trial = async (rate: number) => ({ sustained: rate < 3 && ++tries !== 2 })
    expect(await climb([1, 2, 3], trial, async (rate) => ({ rate, sustained: true }))).toMatchObject({ rate: 2 })
  })

  it('goes down again when a rate does not last', async () => {
    expect(await climbing(3, 1).held).toEqual({ rate: 1, sustained: true })
  })

  it('ends at the top, and says so when nothing is sustained', async () => {
    expect(await climbing(9, 9).held).toEqual({ rate: 4, sustained: true })
    expect(await climbing(0, 9).held).toBeUndefined()
  })
})

it('climbs in growing rates', () => {
  for (const rates of [ladder(true), ladder(false)]) expect(rates).toEqual([...rates].sort((a, b) => a - b))
})
