import { describe, expect, it } from 'vitest'
import type { Row } from '../report/row.js'
import { inTurns } from './in-turns.js'

function aRow(label: string, p99: number): Row {
  return { label, values: { p99 }, notes: [] }
}

describe('what is compared', () => {
  it('takes turns, and is compared with what lies beside it', async () => {
    const measured: string[] = []
    const p99 = { plain: [12, 20], changed: [11, 32] }
    const next = (kind: 'plain' | 'changed') => (): Promise<Row> => {
      measured.push(kind)
      return Promise.resolve(aRow(kind, p99[kind].shift()!))
    }
    const { plain, changed } = await inTurns(2, aRow('plain', 8), next('plain'), next('changed'))
    expect(measured).toEqual(['changed', 'plain', 'changed', 'plain'])
    expect(plain.map(({ values }) => values.p99)).toEqual([12, 20])
    expect(changed.map(({ values }) => values.ratio)).toEqual([11 / 10, 32 / 16])
  })
})
