import { describe, expect, it } from 'vitest'
import { type Turn, inTurns } from './in-turns.js'

function aTurn(latenciesMs: number[]): Turn {
  return { row: { label: '', values: { p99: Math.max(...latenciesMs) }, notes: [] }, latenciesMs }
}

function measuring(windows: { plain: number[][]; changed: number[][] }) {
  const measured: string[] = []
  const next = (kind: 'plain' | 'changed') => (): Promise<Turn> => {
    measured.push(kind)
    return Promise.resolve(aTurn(windows[kind].shift()!))
  }
  return { measured, next }
}

describe('what is compared', () => {
  it('takes turns, and is compared with what lies beside it', async () => {
    const { measured, next } = measuring({ plain: [[12], [20]], changed: [[11], [32]] })
    const { plain, changed } = await inTurns(2, aTurn([8]), next('plain'), next('changed'))
    expect(measured).toEqual(['changed', 'plain', 'changed', 'plain'])
    expect(plain.map(({ row }) => row.values.p99)).toEqual([12, 20])
    expect(changed.map(({ row }) => row.values.ratio)).toEqual([11 / 10, 32 / 16])
  })

  it('is compared once more as a whole, where one pause of one window is what it is: one of many', async () => {
    const calm = Array.from({ length: 100 }, () => 10)
    const paused = [...calm.slice(2), 90, 90]
    const { next } = measuring({ plain: [calm, calm], changed: [paused, calm] })
    const { changed } = await inTurns(2, aTurn(calm), next('plain'), next('changed'))
    expect(changed.map(({ row }) => row.values.ratio)).toEqual([9, 1])
    expect(changed.map(({ row }) => row.values.together)).toEqual([undefined, 1])
  })
})
