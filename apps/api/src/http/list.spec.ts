import { describe, expect, it } from 'vitest'
import { pageOf } from './list.js'

const page = (rows: number[]) => pageOf(rows, 3, (row) => `after-${row}`, String)

describe('pageOf', () => {
  it('goes on after its last row when there was one row more', () => {
    expect(page([9, 8, 7, 6])).toEqual({ data: ['9', '8', '7'], next_cursor: 'after-7', has_more: true })
  })

  it.each([[[]], [[9]], [[9, 8, 7]]])('ends with %j', (rows) => {
    expect(page(rows)).toEqual({ data: rows.map(String), next_cursor: null, has_more: false })
  })
})
