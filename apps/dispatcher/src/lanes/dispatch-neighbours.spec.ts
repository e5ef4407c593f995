import { describe, expect, it, vi } from 'vitest'
import { aDispatch, aTurn, aWebhook, BROKEN, OK, settled, useFakeClock } from './dispatch.testing.js'

useFakeClock()

describe('neighbours', () => {
  it('do not wait for a webhook that never answers', async () => {
    const { offer, underWay } = aDispatch([aWebhook('whk_hung'), aWebhook('whk_1')])
    for (let i = 0; i < 100; i++) offer({ webhookId: 'whk_hung' })
    expect(underWay.filter(({ webhookId }) => webhookId === 'whk_hung')).toHaveLength(16)
    offer()
    await settled()
    expect(underWay.at(-1)!.webhookId).toBe('whk_1')
  })

  it('keep a quarter of the slots when a thousand webhooks hang that nobody knew', async () => {
    const hung = Array.from({ length: 1_000 }, (_, i) => aWebhook(`whk_hung_${i}`))
    const { offer, underWay } = aDispatch([...hung, aWebhook('whk_1')])
    offer()
    underWay[0]!.answer(OK)
    await settled()
    for (const { id } of hung) for (let i = 0; i < 3; i++) offer({ webhookId: id })
    await settled()
    expect(underWay).toHaveLength(1 + 512 + 256)
    offer()
    await settled()
    expect(underWay.at(-1)!.webhookId).toBe('whk_1')
  })

  it('find slots when five hundred begin to hang that were quick before', async () => {
    const hung = Array.from({ length: 500 }, (_, i) => aWebhook(`whk_hung_${i}`))
    const { offer, underWay } = aDispatch([...hung, aWebhook('whk_1')])
    for (const { id } of [...hung, { id: 'whk_1' }]) offer({ webhookId: id })
    await settled()
    for (const { answer } of underWay.splice(0)) answer(OK)
    await settled()
    // One each, and for more than a second nothing comes back.
    for (const { id } of hung) offer({ webhookId: id })
    await settled()
    await vi.advanceTimersByTimeAsync(1_500)
    for (const { id } of hung) for (let i = 0; i < 3; i++) offer({ webhookId: id })
    await settled()
    expect(underWay).toHaveLength(500 + 256)
    offer()
    await settled()
    expect(underWay.at(-1)!.webhookId).toBe('whk_1')
  })

  it('of a burst have their turn while it is begun: what one turn of the event loop begins is bounded', async () => {
    const webhooks = Array.from({ length: 100 }, (_, i) => aWebhook(`whk_${i}`))
    const { offer, underWay } = aDispatch(webhooks)
    for (const { id } of webhooks) offer({ webhookId: id })
    expect(underWay).toHaveLength(16)
    await aTurn()
    expect(underWay.length).toBeGreaterThan(16)
    expect(underWay.length).toBeLessThan(100)
    await settled()
    expect(underWay).toHaveLength(100)
  })
})

describe('a lane that is full', () => {
  const fill = (offer: ReturnType<typeof aDispatch>['offer']) => {
    // 16 under way, and as many queued as the lane holds before it has shown any speed.
    for (let i = 0; i < 16 + 1_600; i++) offer()
  }

  it('puts off what is new', () => {
    const { offer, written } = aDispatch()
    fill(offer)
    const late = offer()
    expect(written.at(-1)).toMatchObject({ kind: 'deferred', deliveryId: late.delivery.id })
  })

  it('takes what was put off before, in the place of what is new, and ahead of it', async () => {
    const { lanes, offer, written, underWay } = aDispatch()
    fill(offer)
    const { queued } = lanes.get('whk_1')!.state
    const back = offer({ isDeferred: true, notBefore: 1, deferredSince: 1, chainStartedAt: 1 })
    expect(written.at(-1)).toMatchObject({ kind: 'deferred' })
    expect(written.at(-1)!.deliveryId).not.toBe(back.delivery.id)
    expect(lanes.get('whk_1')!.state.queued).toBe(queued)
    underWay[0]!.answer(OK)
    await settled()
    expect(underWay.at(-1)!.deliveryId).toBe(back.delivery.id)
  })
})

describe('a process that holds too much', () => {
  const large = { body: Buffer.alloc(128 * 1024) }

  it('puts off the newest of its fullest lanes, and reads on', async () => {
    const { dispatch, offer, underWay, written, memory } = aDispatch([aWebhook('whk_1'), aWebhook('whk_2')])
    for (let i = 0; i < 20; i++) offer({ webhookId: 'whk_2' })
    const kept = offer(large)
    while (!memory.live.isFull) offer(large)
    dispatch.relieve()
    await settled()
    expect(memory.live.isFull).toBe(false)
    const putOff = written.filter(({ kind }) => kind === 'deferred').map(({ deliveryId }) => deliveryId)
    expect(putOff).not.toContain(kept.delivery.id)
    for (const request of [...underWay]) request.answer(OK)
    await settled()
    expect(underWay.filter(({ webhookId }) => webhookId === 'whk_2')).toHaveLength(20)
  })

  it.each([0.6, 0.9])('puts off no more than it has to when it is full by %d', async (share) => {
    const { dispatch, offer, memory } = aDispatch()
    while (memory.live.share < share) offer(large)
    dispatch.relieve()
    await settled()
    expect(memory.live.share).toBeCloseTo(0.45, 2)
  })

  it('does not count what a replay has, which may wait for hours', () => {
    const { offer, memory } = aDispatch()
    for (let i = 0; i < 40; i++) offer({ trigger: 'replay' })
    expect([memory.live.records, memory.replays.records]).toEqual([0, 40])
  })
})

describe('a receiver that only fails', () => {
  it('has its queue put off when the circuit opens, but for the few that are never put off', async () => {
    const { offer, underWay, written } = aDispatch()
    for (let i = 0; i < 60; i++) offer()
    for (const request of [...underWay].slice(0, 10)) request.answer(BROKEN)
    await settled()
    const putOff = written.filter(({ kind }) => kind === 'deferred')
    expect(putOff.length).toBeGreaterThan(30)
    for (const { until } of putOff) expect(until).toBeGreaterThanOrEqual(1_005_000)
  })

  it('is named in the log once, and once more when it takes deliveries again', async () => {
    const { offer, underWay, logged } = aDispatch()
    const ofCircuits = () => logged.filter((message) => message.includes('circuit'))
    for (let i = 0; i < 20; i++) offer()
    for (const request of underWay.splice(0)) request.answer(BROKEN)
    await settled()
    expect(ofCircuits()).toEqual(['a receiver only fails: circuit open'])
    for (let i = 0; i < 100 && ofCircuits().length === 1; i++) {
      await vi.advanceTimersByTimeAsync(5_000)
      offer()
      for (const request of underWay.splice(0)) request.answer(OK)
      await settled()
    }
    expect(ofCircuits().slice(1)).toEqual(['a receiver takes deliveries again: circuit closed'])
  })
})
