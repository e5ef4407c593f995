import { describe, expect, it } from 'vitest'
import type { AcceptedEvent } from '#domain'
import { Repeats } from './repeats.js'

const anEvent = (id: string, accountId = 'acc_1'): AcceptedEvent => ({
  id,
  accountId,
  type: 'context.updated',
  acceptedAt: 0,
  body: Buffer.from('{}'),
})
const TEN_MINUTES = 10 * 60_000

describe('a repeated event', () => {
  it('is one whose id was fanned out shortly before', () => {
    const repeats = new Repeats()
    const first = repeats.newBatch(0)
    expect(first.isRepeat(anEvent('evt_a'), 0, 0)).toBe(false)
    first.remember(0)
    expect(repeats.newBatch(0).isRepeat(anEvent('evt_a'), 1, 1_000)).toBe(true)
  })

  it('is seen within one batch', () => {
    const batch = new Repeats().newBatch(0)
    expect(batch.isRepeat(anEvent('evt_a'), 0, 0)).toBe(false)
    expect(batch.isRepeat(anEvent('evt_a'), 1, 0)).toBe(true)
  })

  it('is not one whose fan-out was never acknowledged', () => {
    const repeats = new Repeats()
    repeats.newBatch(0).isRepeat(anEvent('evt_a'), 0, 0)
    expect(repeats.newBatch(0).isRepeat(anEvent('evt_a'), 0, 0)).toBe(false)
  })

  it('is not the same record handed out again after a failed commit', () => {
    const repeats = new Repeats()
    const first = repeats.newBatch(0)
    first.isRepeat(anEvent('evt_a'), 5, 0)
    first.remember(0)
    expect(repeats.newBatch(0).isRepeat(anEvent('evt_a'), 5, 0)).toBe(false)
  })

  it('is not the same id of another account', () => {
    const repeats = new Repeats()
    const first = repeats.newBatch(0)
    first.isRepeat(anEvent('evt_a'), 0, 0)
    first.remember(0)
    expect(repeats.newBatch(0).isRepeat(anEvent('evt_a', 'acc_2'), 1, 0)).toBe(false)
  })

  it('is forgotten after ten minutes', () => {
    const repeats = new Repeats()
    const first = repeats.newBatch(0)
    first.isRepeat(anEvent('evt_a'), 0, 0)
    first.remember(0)
    expect(repeats.newBatch(0).isRepeat(anEvent('evt_a'), 1, TEN_MINUTES)).toBe(false)
  })
})
