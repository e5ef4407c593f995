import { describe, expect, it } from 'vitest'
import { admitBatch } from './admit-batch.js'

describe('admitBatch', () => {
  it('takes what continues', () => {
    const span = { fetchedOffset: 10, firstOffset: 10, highWatermark: 20 }
    expect(admitBatch(10, span, undefined)).toEqual({ kind: 'take' })
  })

  it('takes what begins earlier: the repeated part is skipped record by record', () => {
    const span = { fetchedOffset: 7, firstOffset: 7, highWatermark: 20 }
    expect(admitBatch(10, span, undefined)).toEqual({ kind: 'take' })
  })

  it('takes a gap when the broker was asked from the expected offset', () => {
    const span = { fetchedOffset: 10, firstOffset: 15, highWatermark: 20 }
    expect(admitBatch(10, span, undefined)).toEqual({ kind: 'take' })
  })

  it('seeks back once when the fetcher has moved past unread offsets', () => {
    const span = { fetchedOffset: 15, firstOffset: 15, highWatermark: 20 }
    const first = admitBatch(10, span, undefined)
    expect(first).toEqual({ kind: 'seek-back', gap: { expected: 10, firstOffset: 15 } })
    expect(admitBatch(10, span, { expected: 10, firstOffset: 15 })).toEqual({ kind: 'take' })
  })

  it('seeks back again when the second answer differs from the first', () => {
    const span = { fetchedOffset: 16, firstOffset: 16, highWatermark: 20 }
    expect(admitBatch(10, span, { expected: 10, firstOffset: 15 }).kind).toBe('seek-back')
    expect(admitBatch(10, span, { expected: 9, firstOffset: 16 }).kind).toBe('seek-back')
  })

  it('takes a partition for made anew that ends before what was read of it', () => {
    const span = { fetchedOffset: 0, firstOffset: 0, highWatermark: 3 }
    expect(admitBatch(10, span, undefined)).toEqual({ kind: 'made-anew' })
  })
})
