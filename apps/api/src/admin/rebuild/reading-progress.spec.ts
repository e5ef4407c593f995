import { describe, expect, it } from 'vitest'
import { isDone, progressText, readingProgress } from './reading-progress.js'

const at = (partition: number, offset: number | undefined) => ({ topic: 't', partition, offset })

describe('the progress of reading', () => {
  it('counts what the partitions hold now, whatever retention took from their beginning', () => {
    const bounds = [
      { partition: 0, first: 100, end: 150 },
      { partition: 1, first: 0, end: 50 },
      { partition: 2, first: 7, end: 7 },
    ]

    expect(readingProgress(bounds, [])).toEqual({ done: 0, total: 100 })
    expect(readingProgress(bounds, [at(0, 90), at(1, 20), at(2, undefined)])).toEqual({ done: 20, total: 100 })
    expect(readingProgress(bounds, [at(0, 150), at(1, 50)])).toEqual({ done: 100, total: 100 })
  })

  it('is never more than all, also when records came after the ends were asked for', () => {
    expect(readingProgress([{ partition: 0, first: 0, end: 5 }], [at(0, 9)])).toEqual({ done: 5, total: 5 })
  })

  it.each([
    [{ done: 5, total: 5 }, true],
    [{ done: 0, total: 0 }, true],
    [{ done: 4, total: 5 }, false],
  ])('is done with everything: %j', (progress, done) => {
    expect(isDone(progress)).toBe(done)
  })

  it('says how much is left, and how long at the rate of this run', () => {
    expect(progressText({ done: 1_500, total: 40_000 }, 0, 0)).toBe('1,500 of 40,000 records (3 %)')
    expect(progressText({ done: 1_500, total: 40_000 }, 500, 1_000)).toBe(
      '1,500 of 40,000 records (3 %), 1,000/s, about 39 s left',
    )
    expect(progressText({ done: 10, total: 1_000_000 }, 0, 1_000)).toContain('about 28 h left')
    expect(progressText({ done: 0, total: 0 }, 0, 1_000)).toBe('0 of 0 records (100 %)')
  })
})
