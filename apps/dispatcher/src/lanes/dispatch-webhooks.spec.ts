import { describe, expect, it, vi } from 'vitest'
import type { AttemptOutcome, DeliverableWebhook } from '#domain'
import { aDispatch, aWebhook, BROKEN, GONE, OK, settled, useFakeClock } from './dispatch.testing.js'

useFakeClock()

describe('a webhook that is changed during an attempt', () => {
  it('is disabled as it is now when the answer is 410', async () => {
    const { offer, underWay, written, change } = aDispatch()
    offer()
    change(aWebhook('whk_1', { version: 2, events: ['context.deleted'] }))
    underWay[0]!.answer(GONE)
    await settled()
    expect(written.at(-1)!.command).toMatchObject({ reason: 'gone', version: 2 })
    // The API saw yet another change, and does nothing about the old one: the next 410 is about what is there now.
    change(aWebhook('whk_1', { version: 3, events: ['context.deleted'] }))
    offer()
    underWay[1]!.answer(GONE)
    await settled()
    expect(written.at(-1)!.command).toMatchObject({ reason: 'gone', version: 3 })
  })

  it('is asked for again to be disabled while the API does not answer, also when nothing more is delivered to it', async () => {
    const { offer, underWay, written, change } = aDispatch()
    offer()
    underWay[0]!.answer(GONE)
    await settled()
    await vi.advanceTimersByTimeAsync(30_000)
    await vi.advanceTimersByTimeAsync(30_000)
    expect(written.map(({ kind }) => kind)).toEqual(['attempted', 'command', 'command'])
    change(aWebhook('whk_1', { version: 2, isActive: false }))
    await vi.advanceTimersByTimeAsync(60_000)
    expect(written).toHaveLength(3)
  })

  it('has nothing to do with what its old URL answers', async () => {
    const { offer, underWay, written, change } = aDispatch()
    offer()
    change(aWebhook('whk_1', { version: 2, url: 'https://example.com/moved' }))
    underWay[0]!.answer(GONE)
    await settled()
    expect(written.at(-1)).toMatchObject({ kind: 'attempted', outcome: 'failed', command: null })
    offer()
    await settled()
    expect(underWay).toHaveLength(2)
  })
})

describe('the view of the webhooks', () => {
  it('that knows no such webhook is waited for, and then the delivery is cancelled', async () => {
    const { offer, written, underWay } = aDispatch([])
    const work = offer()
    await settled()
    expect(underWay).toEqual([])
    expect(written).toEqual([{ kind: 'ended', deliveryId: work.delivery.id, end: 'cancelled' }])
  })

  it('that is older than the delivery is waited for, and the newer webhook is called', async () => {
    const { offer, underWay, whenCaughtUp, know } = aDispatch([aWebhook('whk_1')])
    whenCaughtUp(async () => void know(aWebhook('whk_1', { version: 2 })))
    offer({ webhookVersion: 2 })
    expect(underWay).toEqual([])
    await settled()
    expect(underWay).toHaveLength(1)
  })

  it('that lags puts the delivery off: it is neither cancelled nor attempted', async () => {
    const { offer, underWay, written, whenCaughtUp } = aDispatch([])
    whenCaughtUp(() => Promise.reject(new Error('lagging')))
    const work = offer()
    await settled()
    expect(underWay).toEqual([])
    expect(written).toMatchObject([{ kind: 'deferred', deliveryId: work.delivery.id }])
  })

  it('that shows the webhook disabled cancels the delivery, but not a test send', async () => {
    const { offer, underWay, written } = aDispatch([aWebhook('whk_1', { isActive: false })])
    const work = offer()
    offer({ trigger: 'test' })
    await settled()
    expect(written).toEqual([{ kind: 'ended', deliveryId: work.delivery.id, end: 'cancelled' }])
    expect(underWay).toHaveLength(1)
  })
})

describe('a webhook that answered 410', () => {
  it('is asked to be disabled and called no more, and nothing of it is cancelled meanwhile', async () => {
    const { offer, underWay, written } = aDispatch()
    offer()
    underWay[0]!.answer(GONE)
    await settled()
    expect(written[0]!.command).toMatchObject({ kind: 'disable_webhook', reason: 'gone', version: 1 })
    offer()
    offer()
    await settled()
    expect(underWay).toHaveLength(1)
    expect(written).toHaveLength(1)
  })

  it('is asked for again every 30 s until the view answers', async () => {
    const { offer, underWay, written, change } = aDispatch()
    offer()
    underWay[0]!.answer(GONE)
    await settled()
    offer()
    await vi.advanceTimersByTimeAsync(61_000)
    expect(written.filter(({ kind }) => kind === 'command')).toHaveLength(2)
    const waiting = offer()
    change(aWebhook('whk_1', { version: 2, isActive: false }))
    await settled()
    expect(written.at(-1)).toEqual({ kind: 'ended', deliveryId: waiting.delivery.id, end: 'cancelled' })
  })

  it('holds up nothing for longer while the API does not answer, and loses no attempt', async () => {
    const { offer, underWay, written, change } = aDispatch()
    offer()
    underWay.splice(0)[0]!.answer(GONE)
    await settled()
    const waiting = [offer(), offer(), offer()]
    const ids = waiting.map(({ delivery }) => delivery.id)
    await vi.advanceTimersByTimeAsync(31_000)
    expect(written.filter(({ kind }) => kind === 'deferred')).toEqual(
      ids.map((deliveryId) => ({ kind: 'deferred', deliveryId, until: 1_060_000, by: 'us' })),
    )
    expect(waiting.map(({ completed }) => completed)).toEqual([true, true, true])

    change(aWebhook('whk_1', { version: 2 }))
    await vi.advanceTimersByTimeAsync(29_000)
    for (const { delivery } of waiting) offer({ ...delivery, isDeferred: true, notBefore: 1_060_000 })
    await settled()
    expect(underWay.map(({ deliveryId }) => deliveryId)).toEqual(ids)
  })

  it('lets nothing age that finds no place in its lane meanwhile', async () => {
    const { offer, underWay, written } = aDispatch()
    for (let i = 0; i < 20; i++) offer()
    underWay[0]!.answer(GONE)
    await settled()
    const late = [offer(), offer(), offer()]
    await settled()
    const putOff = written.filter(({ kind }) => kind === 'deferred')
    expect(putOff.map(({ deliveryId }) => deliveryId)).toEqual(
      expect.arrayContaining(late.map(({ delivery }) => delivery.id)),
    )
    expect(putOff.map(({ by }) => by)).toEqual(putOff.map(() => 'us'))
  })

  it('that its owner had just corrected is called again', async () => {
    const { offer, underWay, change } = aDispatch()
    offer()
    underWay[0]!.answer(GONE)
    await settled()
    offer()
    change(aWebhook('whk_1', { version: 2, url: 'https://example.com/new' }))
    await settled()
    expect(underWay).toHaveLength(2)
  })
})

describe('a webhook with a new URL', () => {
  const notNow: AttemptOutcome = { kind: 'failed', reason: 'http_status', status: 503, retryAfterMs: 3_600_000 }

  it('is called at once, whatever the receiver before it had asked for', async () => {
    const { offer, underWay, change } = aDispatch()
    offer()
    underWay[0]!.answer(notNow)
    await settled()
    offer()
    change(aWebhook('whk_1', { version: 2 }))
    expect(underWay).toHaveLength(1)

    change(aWebhook('whk_1', { version: 3, url: 'https://example.com/new' }))
    for (let i = 0; i < 3; i++) offer({ webhookVersion: 3 })

    expect(underWay).toHaveLength(2)
    underWay[1]!.answer(OK)
    await settled()
    expect(underWay.length).toBeGreaterThan(2)
  })
})

describe('a webhook that was failing when its process ended', () => {
  const HOUR_MS = 3_600_000
  const failing = { since: Date.now() - 5 * HOUR_MS, failures: 12, lastFailureAt: Date.now() }
  const oneFailureLater = async (change?: Partial<DeliverableWebhook>) => {
    vi.setSystemTime(failing.lastFailureAt)
    const { offer, underWay, written, change: changeTo } = aDispatch(undefined, { whk_1: failing })
    if (change) changeTo(aWebhook('whk_1', { version: 2, ...change }))
    vi.setSystemTime(failing.lastFailureAt + 2 * HOUR_MS)
    offer()
    underWay[0]!.answer(BROKEN)
    await settled()
    return written
  }

  it('is asked to be disabled when it goes on failing', async () => {
    expect(await oneFailureLater()).toMatchObject([{ kind: 'attempted', command: { kind: 'disable_webhook' } }])
    expect(await oneFailureLater({ events: ['context.created'] })).toMatchObject([
      { command: { kind: 'disable_webhook' } },
    ])
  })

  it('begins anew at a URL that it was given meanwhile', async () => {
    const written = await oneFailureLater({ url: 'https://example.com/corrected' })
    expect(written).toMatchObject([{ kind: 'attempted', command: null }])
  })
})

describe('a lane that nothing was heard of for long', () => {
  const long = 11 * 60_000

  it('is forgotten, and not while it has something to do or a streak', async () => {
    const { lanes, offer, underWay } = aDispatch([aWebhook('whk_1'), aWebhook('whk_2'), aWebhook('whk_3')])
    const ids = ['whk_1', 'whk_2', 'whk_3']
    const known = () => ids.filter((id) => lanes.get(id))
    for (const webhookId of ids) offer({ webhookId })
    underWay[0]!.answer(OK)
    underWay[1]!.answer(OK)
    underWay[2]!.answer(BROKEN)
    await settled()
    offer({ webhookId: 'whk_2' })
    await vi.advanceTimersByTimeAsync(long)
    lanes.forgetIdle()
    expect(known()).toEqual(['whk_2', 'whk_3'])
  })
})

describe('the lane of a deleted webhook', () => {
  it('is kept while a request of it is under way', async () => {
    const { lanes, offer, underWay, forget } = aDispatch()
    offer()
    forget('whk_1')
    lanes.forgetIdle()
    expect(lanes.get('whk_1')).toBeDefined()
    underWay[0]!.answer(OK)
    await settled()
    lanes.forgetIdle()
    expect(lanes.get('whk_1')).toBeUndefined()
  })

  it('need not exist', () => {
    const { lanes, remove } = aDispatch()
    expect(() => remove('whk_1')).not.toThrow()
    expect(lanes.get('whk_1')).toBeUndefined()
  })

  it('is forgotten when it has nothing more to do, also if its last word was a failure', async () => {
    const { lanes, offer, underWay, forget } = aDispatch()
    offer()
    underWay[0]!.answer(BROKEN)
    await settled()
    lanes.forgetIdle()
    expect(lanes.get('whk_1')).toBeDefined()
    forget('whk_1')
    lanes.forgetIdle()
    expect(lanes.get('whk_1')).toBeUndefined()
  })
})

describe('a webhook that was enabled again', () => {
  it('is called once before the rest follows', async () => {
    const { offer, underWay, change } = aDispatch([aWebhook('whk_1', { isActive: false })])
    offer()
    await settled()
    change(aWebhook('whk_1', { version: 2 }))
    for (let i = 0; i < 5; i++) offer()
    expect(underWay).toHaveLength(1)
    underWay[0]!.answer(OK)
    await settled()
    expect(underWay.length).toBeGreaterThan(1)
  })

  it('is called once, also where it had no lane, until it has succeeded', async () => {
    const { offer, underWay, change } = aDispatch([aWebhook('whk_1', { isActive: false })])
    change(aWebhook('whk_1', { version: 2 }))
    for (let i = 0; i < 5; i++) offer({ webhookVersion: 2 })
    expect(underWay).toHaveLength(1)
    underWay[0]!.answer(BROKEN)
    await settled()
    expect(underWay).toHaveLength(2)
    underWay[1]!.answer(OK)
    await settled()
    expect(underWay).toHaveLength(5)
  })

  it('is called like any other when its lane has been forgotten since', async () => {
    const { lanes, offer, underWay, change } = aDispatch([aWebhook('whk_1', { isActive: false })])
    change(aWebhook('whk_1', { version: 2 }))
    offer({ webhookVersion: 2 })
    underWay[0]!.answer(OK)
    await settled()
    await vi.advanceTimersByTimeAsync(11 * 60_000)
    lanes.forgetIdle()
    expect(lanes.get('whk_1')).toBeUndefined()
    for (let i = 0; i < 5; i++) offer({ webhookVersion: 2 })
    expect(underWay).toHaveLength(1 + 5)
  })
})

describe('a test delivery', () => {
  it('leads to nothing, whatever it is answered', async () => {
    const { offer, underWay } = aDispatch()
    offer({ trigger: 'test' })
    underWay[0]!.answer({ kind: 'failed', reason: 'http_status', status: 503, retryAfterMs: 3_600_000 })
    await settled()
    offer()
    expect(underWay).toHaveLength(2)
  })
})

describe('what waits for a pause that the receiver asked for', () => {
  const asksForPause: AttemptOutcome = { kind: 'failed', reason: 'http_status', status: 503, retryAfterMs: 25_000 }
  const cancelled = (written: { kind: string; end?: string }[]) => written.filter(({ end }) => end === 'cancelled')

  async function aPausedWebhook() {
    const all = aDispatch()
    all.offer()
    all.underWay[0]!.answer(asksForPause)
    await settled()
    for (let i = 0; i < 5; i++) all.offer()
    await settled()
    expect(all.underWay).toHaveLength(1)
    expect(cancelled(all.written)).toEqual([])
    return all
  }

  it('is cancelled at once when the webhook is disabled', async () => {
    const { change, written, underWay } = await aPausedWebhook()
    change(aWebhook('whk_1', { version: 2, isActive: false }))
    await settled()
    expect(cancelled(written)).toHaveLength(5)
    expect(underWay).toHaveLength(1)
  })

  it('is cancelled at once when the webhook is deleted', async () => {
    const { remove, written, underWay } = await aPausedWebhook()
    remove('whk_1')
    await settled()
    expect(cancelled(written)).toHaveLength(5)
    expect(underWay).toHaveLength(1)
  })
})
