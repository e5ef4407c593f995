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
const at = (offset: number, partition = 0) => ({ partition, offset })
const TEN_MINUTES = 10 * 60_000

describe('a repeated event', () => {
  it('is one whose id was fanned out shortly before', () => {
    const repeats = new Repeats()
    const first = repeats.newRound()
    expect(first.isRepeat(anEvent('evt_a'), at(0), 0)).toBe(false)
    first.remember(0)
    expect(repeats.newRound().isRepeat(anEvent('evt_a'), at(1), 1_000)).toBe(true)
  })

  it('is seen within one round', () => {
    const round = new Repeats().newRound()
    expect(round.isRepeat(anEvent('evt_a'), at(0), 0)).toBe(false)
    expect(round.isRepeat(anEvent('evt_a'), at(1), 0)).toBe(true)
  })

  it('is not one whose fan-out was never acknowledged', () => {
    const repeats = new Repeats()
    repeats.newRound().isRepeat(anEvent('evt_a'), at(0), 0)
    expect(repeats.newRound().isRepeat(anEvent('evt_a'), at(0), 0)).toBe(false)
  })

  it('is not the same record handed out again after a failed commit', () => {
    const repeats = new Repeats()
    const first = repeats.newRound()
    first.isRepeat(anEvent('evt_a'), at(5), 0)
    first.remember(0)
    expect(repeats.newRound().isRepeat(anEvent('evt_a'), at(5), 0)).toBe(false)
  })

  it('is not the same id of another account', () => {
    const repeats = new Repeats()
    const first = repeats.newRound()
    first.isRepeat(anEvent('evt_a'), at(0), 0)
    first.remember(0)
    expect(repeats.newRound().isRepeat(anEvent('evt_a', 'acc_2'), at(1), 0)).toBe(false)
  })

  it('is forgotten after ten minutes', () => {
    const repeats = new Repeats()
    const first = repeats.newRound()
    first.isRepeat(anEvent('evt_a'), at(0), 0)
    first.remember(0)
    expect(repeats.newRound().isRepeat(anEvent('evt_a'), at(1), TEN_MINUTES)).toBe(false)
  })

  it('is seen also after a later event of another account, which may be fanned out before', () => {
    const repeats = new Repeats()
    const first = repeats.newRound()
    first.isRepeat(anEvent('evt_a'), at(5), 0)
    first.isRepeat(anEvent('evt_b', 'acc_2'), at(10), 0)
    first.remember(0)
    const second = repeats.newRound()
    expect(second.isRepeat(anEvent('evt_a'), at(7), 0)).toBe(true)
    expect(second.isRepeat(anEvent('evt_a'), at(5), 0)).toBe(false)
  })

  it('is not one in another partition', () => {
    const repeats = new Repeats()
    const first = repeats.newRound()
    first.isRepeat(anEvent('evt_a'), at(5, 0), 0)
    first.remember(0)
    expect(repeats.newRound().isRepeat(anEvent('evt_a'), at(7, 1), 0)).toBe(false)
  })
})
