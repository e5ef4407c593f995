import { describe, expect, it, vi } from 'vitest'
import type { AttemptOutcome } from '#domain'
import { aDispatch, aTurn, aWebhook, BROKEN, GONE, OK, settled, useFakeClock } from './dispatch.testing.js'

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

describe('many webhooks with nine deliveries each', () => {
  /** As a process that is full does it for as long as it is. */
  async function relieved({ dispatch, memory }: ReturnType<typeof aDispatch>, betweenLooks?: () => Promise<void>) {
    for (let looks = 0; looks < 5 && memory.live.isFull; looks++) {
      dispatch.relieve()
      await settled()
      vi.setSystemTime(Date.now() + 500)
      await betweenLooks?.()
    }
  }

  const stuck = Array.from({ length: 2_300 }, (_, i) => aWebhook(`whk_stuck_${i}`))
  const ofAll = [...stuck, aWebhook('whk_1'), aWebhook('whk_busy')]

  /** A receiver that works, and has another delivery for each that it takes. */
  async function oneAnswered({ underWay, offer }: ReturnType<typeof aDispatch>, webhookId: string, body?: Buffer) {
    const index = underWay.findIndex((request) => request.webhookId === webhookId)
    underWay.splice(index, 1)[0]!.answer(OK)
    await settled()
    offer({ webhookId, ...(body && { body }) })
    await settled()
  }

  it.each<[string, AttemptOutcome[]]>([
    ['never answer', []],
    ['wait to be disabled', [OK, GONE]],
  ])('do not stop the reading of all when they %s, and those that work keep theirs', async (_, answers) => {
    const all = aDispatch(ofAll)
    const { lanes, offer, underWay, written, memory } = all
    const answerAll = async (outcome: AttemptOutcome) => {
      for (await settled(); underWay.length > 0; await settled())
        for (const { answer } of underWay.splice(0)) answer(outcome)
    }
    for (const outcome of answers) {
      for (const { id } of stuck) offer({ webhookId: id })
      await answerAll(outcome)
    }
    for (const webhookId of ['whk_1', 'whk_busy']) offer({ webhookId })
    await answerAll(OK)
    for (const { id } of stuck) for (let i = 0; i < 9; i++) offer({ webhookId: id })
    await settled()
    await vi.advanceTimersByTimeAsync(1_100)
    const busy = Array.from({ length: 16 + 9 }, () => offer({ webhookId: 'whk_busy' }).delivery.id)
    await settled()
    expect(memory.live.isFull).toBe(true)
    const fullAt = Date.now()

    await relieved(all, () => oneAnswered(all, 'whk_busy'))

    expect(memory.live.isFull).toBe(false)
    const putOff = written.filter(({ kind }) => kind === 'deferred')
    for (const { until } of putOff) expect(until).toBeGreaterThanOrEqual(fullAt + 10_000)
    // Those that wait for us do not age by it.
    expect(new Set(putOff.map(({ by }) => by))).toEqual(new Set([answers.length > 0 ? 'us' : 'receiver']))
    expect(busy.filter((id) => putOff.some(({ deliveryId }) => deliveryId === id))).toEqual([])
    expect(lanes.get('whk_busy')!.state.queued).toBe(9)
    offer()
    await settled()
    expect(underWay.at(-1)!.webhookId).toBe('whk_1')
  })

  it('keep them, however full the process is, when the receivers work', async () => {
    const working = Array.from({ length: 60 }, (_, i) => aWebhook(`whk_${i}`))
    const all = aDispatch(working)
    const { offer, underWay, written, memory } = all
    for (const { id } of working) offer({ webhookId: id })
    await settled()
    for (const { answer } of underWay.splice(0)) answer(OK)
    await settled()
    const body = Buffer.alloc(48 * 1024)
    for (const { id } of working) for (let i = 0; i < 16 + 9; i++) offer({ webhookId: id, body })
    await settled()
    expect(memory.live.isFull).toBe(true)
    await relieved(all, async () => {
      for (const { id } of working) await oneAnswered(all, id, body)
    })
    expect(memory.live.isFull).toBe(true)
    expect(written.filter(({ kind }) => kind === 'deferred')).toEqual([])
  })

  it('keep them, although nobody knows yet that the receivers work, while some hundred a second are worked off', async () => {
    const all = aDispatch(stuck)
    const { offer, underWay, written, memory } = all
    for (const { id } of stuck) for (let i = 0; i < 9; i++) offer({ webhookId: id })
    await settled()
    expect(memory.live.isFull).toBe(true)
    await relieved(all, async () => {
      for (const { answer } of underWay.splice(0, 128)) answer(OK)
      await settled()
    })
    expect(written.filter(({ kind }) => kind === 'deferred')).toEqual([])
  })

  /** Nothing is under way, all have what they have in their queues, and of `whk_1` it is as much as the process can hold. */
  async function aFullProcess(few: number, body: Buffer) {
    const others = Array.from({ length: few }, (_, i) => aWebhook(`whk_few_${i}`))
    const all = aDispatch([...others, aWebhook('whk_1')])
    await all.dispatch.pauseForHandOver()
    for (const { id } of others) for (let i = 0; i < 9; i++) all.offer({ webhookId: id, body })
    while (!all.memory.live.isFull) all.offer({ body })
    await relieved(all)
    const queued = new Set(others.map(({ id }) => all.lanes.get(id)!.state.queued))
    return { queued: [...queued], share: all.memory.live.share }
  }

  it('keep them when what the fullest put off is enough to read on', async () => {
    // More than a process is relieved to, and less than it reads on with.
    const { queued, share } = await aFullProcess(50, Buffer.alloc(70 * 1024))
    expect(share).toBeGreaterThan(0.45)
    expect(share).toBeLessThan(0.5)
    expect(queued).toEqual([9])
  })

  it('put off no more of them than they have to beside what the fullest put off', async () => {
    const { queued } = await aFullProcess(100, Buffer.alloc(48 * 1024))
    expect(queued).toEqual([5])
  })

  it('keep them while the fullest have more to put off, if not with its newest', async () => {
    const { dispatch, lanes, offer, underWay, memory } = aDispatch([aWebhook('whk_1'), aWebhook('whk_few')])
    offer()
    underWay[0]!.answer(OK)
    await settled()
    await dispatch.pauseForHandOver()
    for (let i = 0; i < 9; i++) offer({ webhookId: 'whk_few' })
    const large = { body: Buffer.alloc(128 * 1024) }
    while (memory.live.share < 0.95) offer(large)
    for (let i = 0; i < 600; i++) offer()
    while (!memory.live.isFull) offer(large)
    dispatch.relieve()
    await settled()
    expect(memory.live.isFull).toBe(true)
    expect(lanes.get('whk_few')!.state.queued).toBe(9)
    dispatch.relieve()
    await settled()
    expect(memory.live.isFull).toBe(false)
    expect(lanes.get('whk_few')!.state.queued).toBe(9)
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
