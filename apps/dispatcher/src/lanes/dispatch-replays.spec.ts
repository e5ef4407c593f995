import { describe, expect, it, vi } from 'vitest'
import { someWork } from '../work.testing.js'
import { aDispatch, aWebhook, BROKEN, OK, useFakeClock } from './dispatch.testing.js'

useFakeClock()

describe('a replay', () => {
  const replay = { trigger: 'replay' as const }
  /** Replays that came together start within some twenty ms. */
  const spread = () => vi.advanceTimersByTimeAsync(20)
  const heldOf = (underWay: { deliveryId: string }[]) => underWay.map(({ deliveryId }) => deliveryId)

  it('takes half of the lane’s requests, and live traffic finds the other half free', async () => {
    const { offer, underWay } = aDispatch()
    for (let i = 0; i < 40; i++) offer(replay)
    await spread()
    expect(underWay).toHaveLength(8)
    for (let i = 0; i < 8; i++) offer()
    expect(underWay).toHaveLength(16)
  })

  it('starts its deliveries one after the other, and live traffic at once', async () => {
    const { offer, underWay } = aDispatch()
    for (let i = 0; i < 4; i++) offer(replay)
    offer({ id: 'dlv_live' })
    expect(heldOf(underWay)).toEqual(['dlv_live'])
    for (const started of [2, 3, 4, 5]) {
      await vi.advanceTimersByTimeAsync(1)
      expect(underWay).toHaveLength(started)
    }
  })

  it('goes behind live traffic and retries that wait in the same lane', async () => {
    const { offer, underWay } = aDispatch()
    for (let i = 0; i < 8; i++) offer(replay)
    await spread()
    for (let i = 0; i < 8; i++) offer()
    offer({ ...replay, id: 'dlv_replay' })
    offer({ id: 'dlv_live' })
    offer({ ...replay, id: 'dlv_replay_again', attempt: 2, notBefore: 1 })
    for (const request of underWay.slice(0, 3)) request.answer(OK)
    await spread()
    expect(heldOf(underWay).slice(16)).toEqual(['dlv_replay_again', 'dlv_live', 'dlv_replay'])
  })

  it('is not taken by a lane that holds 64 of it, and takes no place from live traffic', async () => {
    const { dispatch, offer, written, memory } = aDispatch()
    for (let i = 0; i < 8; i++) offer(replay)
    await spread()
    for (let i = 0; i < 64; i++) offer(replay)
    const more = someWork({ webhookId: 'whk_1', ...replay })
    expect(dispatch.offer(more)).toBe(false)
    expect(memory.records).toBe(8 + 64)
    expect(more.completed).toBe(false)
    for (let i = 0; i < 8 + 1_600; i++) offer()
    expect(written).toEqual([])
  })

  it('is told once that there is room, when half of what was held has gone', async () => {
    const { dispatch, offer, underWay } = aDispatch()
    for (let i = 0; i < 8; i++) offer(replay)
    await spread()
    for (let i = 0; i < 64; i++) offer(replay)
    const more = someWork({ webhookId: 'whk_1', ...replay })
    const tell = vi.fn()
    dispatch.whenReplayRoom(more, tell)
    for (let answered = 0; underWay.length < 8 + 31; answered++) {
      underWay[answered]!.answer(OK)
      await spread()
    }
    expect(tell).not.toHaveBeenCalled()
    for (const request of [...underWay]) request.answer(OK)
    await spread()
    expect(tell).toHaveBeenCalledTimes(1)
    expect(dispatch.offer(more)).toBe(true)
  })

  it('is told of room at once where there is some', () => {
    const { dispatch } = aDispatch()
    const tell = vi.fn()
    dispatch.whenReplayRoom(someWork({ webhookId: 'whk_1', ...replay }), tell)
    expect(tell).toHaveBeenCalledTimes(1)
  })

  it('is put off by no open circuit, and goes on when that closes', async () => {
    const { offer, underWay, written } = aDispatch()
    for (let i = 0; i < 40; i++) offer(replay)
    await spread()
    for (let answered = 0; answered < 10; answered++) {
      underWay[answered]!.answer(BROKEN)
      await spread()
    }
    const before = underWay.length
    expect(written.filter(({ kind }) => kind === 'deferred')).toEqual([])
    for (const request of underWay.slice(10)) request.answer(BROKEN)
    await vi.advanceTimersByTimeAsync(4_000)
    expect(underWay).toHaveLength(before)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(underWay.length).toBeGreaterThan(before)
  })

  it('is done with where it is a double or was replaced: only what finds no room comes again', () => {
    const { dispatch, chains } = aDispatch()
    const work = () => someWork({ id: 'dlv_twice', webhookId: 'whk_1', webhookVersion: 1, ...replay })
    expect([dispatch.offer(work()), dispatch.offer(work())]).toEqual([true, true])
    const replaced = someWork({ id: 'dlv_replaced', webhookId: 'whk_1', webhookVersion: 1, ...replay })
    chains.saw({ ...replaced.delivery, chain: 1 })
    expect(dispatch.offer(replaced)).toBe(true)
    expect(replaced.completed).toBe(true)
  })

  it('is cancelled with its webhook', async () => {
    const { offer, written } = aDispatch([])
    for (let i = 0; i < 3; i++) offer(replay)
    await spread()
    expect(written.map(({ kind, end }) => `${kind} ${end}`)).toEqual(Array.from({ length: 3 }, () => 'ended cancelled'))
  })

  it('waits on while the view of the webhooks lags', async () => {
    const { offer, underWay, written, whenCaughtUp, know } = aDispatch([])
    whenCaughtUp(() => Promise.reject(new Error('lagging')))
    offer(replay)
    await spread()
    expect(written).toEqual([])
    know(aWebhook('whk_1'))
    await vi.advanceTimersByTimeAsync(5_020)
    expect(underWay).toHaveLength(1)
  })

  it('of a partition that was lost makes room for the others', async () => {
    const { dispatch, lanes, offer, memory } = aDispatch()
    const partition = { lost: false }
    for (let i = 0; i < 8; i++) offer(replay, partition)
    await spread()
    for (let i = 0; i < 64; i++) offer(replay, partition)
    const tell = vi.fn()
    dispatch.whenReplayRoom(someWork({ webhookId: 'whk_1', ...replay }), tell)
    partition.lost = true
    lanes.dropLost()
    expect(tell).toHaveBeenCalledTimes(1)
    expect(memory.records).toBe(8)
  })
})
