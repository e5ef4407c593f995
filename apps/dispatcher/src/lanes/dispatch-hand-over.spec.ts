import { describe, expect, it, vi } from 'vitest'
import { aDispatch, OK, settled, useFakeClock } from './dispatch.testing.js'

useFakeClock()

describe('a hand-over', () => {
  it('waits for what is under way, and starts nothing more until the group has shared out anew', async () => {
    const { dispatch, offer, underWay, written } = aDispatch()
    for (let i = 0; i < 20; i++) offer()
    let isOver = false
    const paused = dispatch.pauseForHandOver().then(() => (isOver = true))
    await vi.advanceTimersByTimeAsync(1)
    expect(isOver).toBe(false)
    for (const request of underWay) request.answer(OK)
    await vi.advanceTimersByTimeAsync(1)
    await paused
    expect([underWay.length, written.length]).toEqual([16, 16])
    dispatch.resumeAfterHandOver()
    expect(underWay).toHaveLength(20)
  })

  it('does not wait long for a receiver that does not answer', async () => {
    const { dispatch, offer, underWay } = aDispatch()
    offer()
    vi.useRealTimers()
    const began = performance.now()
    await dispatch.pauseForHandOver()
    expect(performance.now() - began).toBeLessThan(2_000)
    offer()
    expect(underWay).toHaveLength(1)
    dispatch.resumeAfterHandOver()
    expect(underWay).toHaveLength(2)
  })

  it('ends by itself when another member holds up the rebalance', async () => {
    const { dispatch, offer, underWay } = aDispatch()
    void dispatch.pauseForHandOver()
    offer()
    await vi.advanceTimersByTimeAsync(2_999)
    expect(underWay).toHaveLength(0)
    await vi.advanceTimersByTimeAsync(1)
    expect(underWay).toHaveLength(1)
  })
})

describe('a partition that was lost', () => {
  it('takes its lanes along, so that a webhook that comes back starts from what the read model knows', async () => {
    const { lanes, offer, underWay } = aDispatch()
    const partition = { lost: false }
    for (let i = 0; i < 20; i++) offer({}, partition)
    partition.lost = true
    lanes.dropLost()
    offer()
    await settled()
    // A new lane, with nothing under way: it starts at once although the old one was at its cap.
    expect(underWay).toHaveLength(17)
  })
})
