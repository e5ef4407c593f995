import { describe, expect, it } from 'vitest'
import { Cursors } from '../http/cursors.js'
import { filterTime } from './filter-time.js'
import { LogCursor } from './log-cursor.js'

describe('a cursor of a log', () => {
  const cursors = new Cursors([Buffer.alloc(32, 7)])
  const row = { acceptedAt: 1_705_329_900_123, id: 'dlv_1' }
  const log = new LogCursor(cursors, ['deliveries', 'whk_1'])

  it('leads to the page after its row', () => {
    expect(log.page({ limit: 5, cursor: log.after(row) })).toEqual({ limit: 5, after: row })
    expect(log.page({ limit: 5 })).toEqual({ limit: 5 })
  })

  it('is refused when it is one of another list', () => {
    const cursor = new LogCursor(cursors, ['deliveries', 'whk_2']).after(row)
    expect(() => log.page({ limit: 5, cursor })).toThrow('The cursor is not one that this list gave')
  })
})

describe('a time to filter by', () => {
  it.each([
    ['2024-01-15T14:45:00.123456Z', Date.parse('2024-01-15T14:45:00.123Z')],
    ['2024-01-15t16:45:00+02:00', Date.parse('2024-01-15T14:45:00Z')],
    ['2016-12-31T23:59:60Z', Date.parse('2016-12-31T23:59:59Z')],
    ['0000-01-01T00:00:00Z', Date.parse('0000-01-01T00:00:00Z')],
  ])('is read in every form that is let in: %s', (text, ms) => {
    expect(filterTime(text)).toBe(ms)
  })

  it('may be missing', () => {
    expect(filterTime(undefined)).toBeUndefined()
  })
})
