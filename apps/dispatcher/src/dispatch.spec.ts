import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type AttemptOutcome, type DeliverableWebhook, RetrySchedule } from '#domain'
import { ProduceFailed } from '#kafka'
import { Registry } from '#telemetry'
import type { AttemptDelivery, AttemptReport } from './attempt-delivery.js'
import { AttemptedKeys } from './attempted-keys.js'
import { Consequences } from './consequences.js'
import { Dispatch } from './dispatch.js'
import { DispatchMetrics } from './dispatch-metrics.js'
import type { KnownStreaks } from './known-streaks.js'
import { MemoryBounds } from './memory-bounds.js'
import { NewestChains } from './newest-chains.js'
import type { Settlement } from './settlement.js'
import type { WebhooksToCall } from './webhooks-to-call.js'
import { WorksInHand } from './works-in-hand.js'
import { type WorkStandIn, someWork } from './work.testing.js'

const OK: AttemptOutcome = { kind: 'succeeded', status: 200 }
const BROKEN: AttemptOutcome = { kind: 'failed', reason: 'http_status', status: 500 }
const HUNG: AttemptOutcome = { kind: 'failed', reason: 'timeout' }
const GONE: AttemptOutcome = { kind: 'refused', reason: 'gone', status: 410 }

const aWebhook = (id: string, changes: Partial<DeliverableWebhook> = {}): DeliverableWebhook => ({
  id,
  accountId: 'acc_1',
  version: 1,
  events: ['context.updated'],
  isActive: true,
  createdAt: 0,
  url: `https://example.com/${id}`,
  secrets: [],
  ...changes,
})

/** A dispatch whose requests are answered by hand, and whose writes are acknowledged at once and recorded. */
function aDispatch(webhooks: DeliverableWebhook[] = [aWebhook('whk_1')]) {
  const view = new Map(webhooks.map((webhook) => [webhook.id, webhook]))
  const underWay: {
    webhookId: string
    deliveryId: string
    onNewConnection: boolean
    answer(outcome: AttemptOutcome | null): void
  }[] = []
  const written: {
    kind: string
    deliveryId?: string
    end?: string
    until?: number
    outcome?: string
    command?: unknown
  }[] = []
  let catchUp: () => Promise<void> = () => Promise.resolve()
  let acknowledged = Promise.resolve()
  let onDelete: (webhookId: string) => void = () => {}
  let onChange: (before: DeliverableWebhook | undefined, after: DeliverableWebhook) => void = () => {}
  const memory = new MemoryBounds()
  const attempted = new AttemptedKeys()
  const chains = new NewestChains({} as never, {} as never)
  const attemptDelivery = {
    run: (delivery: { id: string; webhookId: string }, _: unknown, __: unknown, onNewConnection: boolean) =>
      new Promise<AttemptReport>((resolve) => {
        const startedAt = Date.now()
        underWay.push({
          webhookId: delivery.webhookId,
          deliveryId: delivery.id,
          onNewConnection,
          answer: (result) =>
            resolve({
              attemptId: 'atm_1',
              startedAt,
              durationMs: 1,
              request: { url: '', headers: {} },
              response: null,
              result,
              ...(result === null && { ourFault: 'file_descriptors' as const }),
            }),
        })
      }),
  }
  const settlement = {
    afterAttempt: async (work: WorkStandIn, { result }: AttemptReport, command: unknown) => {
      await acknowledged
      written.push({ kind: 'attempted', deliveryId: work.delivery.id, outcome: result!.kind, command })
      work.batch.complete(work.record)
      return { kind: 'end', end: 'delivered' }
    },
    defer: async (work: WorkStandIn, until: number) => {
      written.push({ kind: 'deferred', deliveryId: work.delivery.id, until })
      await acknowledged
      work.batch.complete(work.record)
      return until
    },
    end: (work: WorkStandIn, end: string) => {
      written.push({ kind: 'ended', deliveryId: work.delivery.id, end })
      work.batch.complete(work.record)
      return Promise.resolve()
    },
    repeatCommand: (command: unknown) => {
      written.push({ kind: 'command', command })
      return Promise.resolve()
    },
  }
  const metrics = new DispatchMetrics(new Registry())
  const inHand = new WorksInHand(attempted, memory, metrics)
  const silent = { info() {}, warn() {}, error() {}, debug() {} } as never
  const dispatch = new Dispatch(
    attemptDelivery as unknown as AttemptDelivery,
    new Consequences(settlement as unknown as Settlement, inHand, chains, metrics, 86_400_000, silent),
    inHand,
    {
      get: (id: string) => view.get(id),
      caughtUp: () => catchUp(),
      onChange: (listener: typeof onChange) => (onChange = listener),
      onDelete: (listener: typeof onDelete) => (onDelete = listener),
    } as unknown as WebhooksToCall,
    memory,
    metrics,
    RetrySchedule.parse('10s,1m,6m,36m,3h36m'),
    { take: () => null } as unknown as KnownStreaks,
    chains,
    { afterAttempts: 10, afterMs: 6 * 3_600_000 },
    silent,
  )
  return {
    dispatch,
    underWay,
    written,
    memory,
    attempted,
    chains,
    offer: (delivery: Parameters<typeof someWork>[0] = {}, partition?: Parameters<typeof someWork>[1]) => {
      const work = someWork({ webhookId: 'whk_1', webhookVersion: 1, ...delivery }, partition)
      chains.saw(work.delivery)
      dispatch.offer(work)
      return work
    },
    acknowledgeAfter: (promise: Promise<void>): void => {
      acknowledged = promise
    },
    whenCaughtUp: (action: () => Promise<void>) => (catchUp = action),
    change: (after: DeliverableWebhook) => {
      const before = view.get(after.id)
      view.set(after.id, after)
      onChange(before, after)
    },
    know: (webhook: DeliverableWebhook) => view.set(webhook.id, webhook),
    forget: (webhookId: string) => view.delete(webhookId),
    remove: (webhookId: string) => {
      view.delete(webhookId)
      onDelete(webhookId)
    },
  }
}

beforeEach(() => {
  vi.useFakeTimers({
    now: 1_000_000,
    toFake: ['Date', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'],
  })
})
afterEach(() => {
  vi.useRealTimers()
})
const aTurn = () => new Promise((resolve) => setImmediate(resolve))
/** What one turn of the event loop begins is bounded: after as many turns as the most that may be under way take. */
const settled = async () => {
  await vi.advanceTimersByTimeAsync(0)
  for (let turn = 0; turn <= 1_024 / 16; turn++) await aTurn()
}

describe('a delivery', () => {
  it('is attempted, and its record completed only after what follows is written', async () => {
    const { offer, underWay, written, memory } = aDispatch()
    const work = offer()
    expect(underWay).toHaveLength(1)
    expect(work.completed).toBe(false)
    underWay[0]!.answer(OK)
    await settled()
    expect(written).toMatchObject([{ kind: 'attempted', deliveryId: work.delivery.id }])
    expect(work.completed).toBe(true)
    expect(memory.records).toBe(0)
  })

  it('whose record comes twice is attempted once', () => {
    const { offer, underWay } = aDispatch()
    offer({ id: 'dlv_twice' })
    const double = offer({ id: 'dlv_twice' })
    expect(underWay).toHaveLength(1)
    expect(double.completed).toBe(true)
  })

  it('whose partition came back while it was under way is attempted again: the first leads to nothing any more', () => {
    const { offer, underWay } = aDispatch()
    const partition = { lost: false }
    offer({ id: 'dlv_back' }, partition)
    partition.lost = true
    const again = offer({ id: 'dlv_back' })
    expect(underWay).toHaveLength(2)
    expect(again.completed).toBe(false)
    const double = offer({ id: 'dlv_back' })
    expect(double.completed).toBe(true)
  })

  it('is not attempted once its chain has ended, whichever attempt a record asks for', () => {
    const { offer, underWay, attempted } = aDispatch()
    attempted.ended(someWork({ id: 'dlv_ended', chain: 0, attempt: 1 }).delivery, Date.now())
    const late = offer({ id: 'dlv_ended', chain: 0, attempt: 3 })
    expect(late.completed).toBe(true)
    offer({ id: 'dlv_ended', chain: 1, attempt: 1 })
    expect(underWay).toHaveLength(1)
  })

  it('is not attempted when its chain ended while it was queued', async () => {
    const { offer, underWay, attempted, memory } = aDispatch()
    for (let i = 0; i < 16; i++) offer({ id: `dlv_before_${i}` })
    const queued = offer({ id: 'dlv_ended', chain: 0, attempt: 2 })
    expect(underWay).toHaveLength(16)
    attempted.ended(someWork({ id: 'dlv_ended', chain: 0, attempt: 1 }).delivery, Date.now())
    for (const { answer } of [...underWay]) answer(OK)
    await settled()
    expect(queued.completed).toBe(true)
    expect(underWay).toHaveLength(16)
    expect(memory.records).toBe(0)
  })

  it('of a partition that was lost is left to its new owner', () => {
    const { offer, underWay, memory } = aDispatch()
    const work = offer({}, { lost: true })
    expect(underWay).toHaveLength(0)
    expect(work.completed).toBe(false)
    expect(memory.records).toBe(0)
  })

  it('waits while our membership is in doubt', async () => {
    const { offer, underWay } = aDispatch()
    const partition = { stale: true }
    offer({}, partition)
    expect(underWay).toHaveLength(0)
    partition.stale = false
    await vi.advanceTimersByTimeAsync(250)
    expect(underWay).toHaveLength(1)
  })

  it('that failed by a fault of ours is put off and nothing is counted', async () => {
    const { offer, underWay, written } = aDispatch()
    const work = offer()
    underWay[0]!.answer(null)
    await settled()
    expect(written).toMatchObject([{ kind: 'deferred', deliveryId: work.delivery.id }])
  })
})

describe('a delivery that was asked for again', () => {
  const old = { id: 'dlv_again', chain: 0, attempt: 2, notBefore: 1 }
  const next = { id: 'dlv_again', chain: 1, attempt: 1, trigger: 'redelivery' as const }

  it('drops a retry of the chain before when it comes back, and ends that chain', async () => {
    const { offer, underWay, written, memory } = aDispatch()
    offer(next)
    const replaced = offer(old)
    await settled()
    expect(underWay).toHaveLength(1)
    expect(written).toEqual([{ kind: 'ended', deliveryId: 'dlv_again', end: 'cancelled' }])
    expect(replaced.completed).toBe(true)
    expect(memory.records).toBe(1)
  })

  it('drops what the chain before has in the queue, when its turn comes', async () => {
    const { offer, underWay, written } = aDispatch()
    for (let i = 0; i < 16; i++) offer()
    offer(old)
    offer(next)
    for (const request of [...underWay]) request.answer(OK)
    await settled()
    expect(written.filter(({ kind }) => kind === 'ended')).toEqual([
      { kind: 'ended', deliveryId: 'dlv_again', end: 'cancelled' },
    ])
    expect(underWay.filter(({ deliveryId }) => deliveryId === 'dlv_again')).toHaveLength(1)
  })

  it('does not put off what the chain before left', async () => {
    const { offer, underWay, written } = aDispatch()
    offer(old)
    offer(next)
    underWay[0]!.answer(null)
    await settled()
    expect(written).toEqual([{ kind: 'ended', deliveryId: 'dlv_again', end: 'cancelled' }])
  })

  it('says nothing of a chain that has ended already', () => {
    const { offer, underWay, written, attempted } = aDispatch()
    attempted.ended(someWork(old).delivery, Date.now())
    offer(next)
    const double = offer(old)
    expect(double.completed).toBe(true)
    expect(underWay).toHaveLength(1)
    expect(written).toEqual([])
  })
})

describe('the end of the process', () => {
  it('leaves to the log what cannot be written any more, and is no failure', async () => {
    const { dispatch, offer, underWay, acknowledgeAfter } = aDispatch()
    let fail: (error: Error) => void = () => {}
    acknowledgeAfter(new Promise((_, reject) => (fail = reject)))
    const [attempted, deferred] = [offer(), offer()]
    underWay[0]!.answer(OK)
    underWay[1]!.answer(null)
    await settled()
    const drained = dispatch.drain(1)
    await vi.advanceTimersByTimeAsync(1)
    // A rejection that nobody handles would end the process, and this run.
    fail(new ProduceFailed('closed', 'the producer was closed before the answer'))
    await settled()
    expect([attempted.completed, deferred.completed]).toEqual([false, false])
    await drained
  })
})

describe('a fault of ours', () => {
  it('expires nothing, however long it takes', async () => {
    const { offer, underWay, written } = aDispatch()
    const longAgo = Date.now() - 10 * 86_400_000
    offer({ notBefore: longAgo, isDeferred: true, deferredSince: longAgo, chainStartedAt: longAgo })
    await vi.advanceTimersByTimeAsync(2 * 86_400_000)
    underWay[0]!.answer(null)
    await settled()
    expect(written).toMatchObject([{ kind: 'deferred' }])
  })
})

describe('a delivery that is put off', () => {
  it('is attempted when its record comes back before the write of it is acknowledged, as after a lost answer', async () => {
    const { offer, underWay, acknowledgeAfter } = aDispatch()
    let acknowledge = () => {}
    acknowledgeAfter(new Promise((resolve) => (acknowledge = resolve)))
    const first = offer({ id: 'dlv_back' })
    underWay[0]!.answer(null)
    await settled()
    const back = offer({ id: 'dlv_back', notBefore: Date.now(), isDeferred: true })
    await settled()
    expect(underWay).toHaveLength(2)
    expect([first.completed, back.completed]).toEqual([false, false])
    acknowledge()
    await settled()
    expect([first.completed, back.completed]).toEqual([true, false])
    underWay[1]!.answer(OK)
    await settled()
    expect(back.completed).toBe(true)
  })
})

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

describe('a log that acknowledges nothing', () => {
  it('lets 1,024 attempts begin and no more: so many a crash repeats', async () => {
    const webhooks = Array.from({ length: 200 }, (_, i) => aWebhook(`whk_${i}`))
    const { offer, underWay, acknowledgeAfter } = aDispatch(webhooks)
    let acknowledge: () => void = () => undefined
    void acknowledgeAfter(new Promise((resolve) => (acknowledge = resolve)))
    for (const { id } of webhooks) for (let i = 0; i < 10; i++) offer({ webhookId: id })
    const answered = new Set<unknown>()
    const answerAll = async () => {
      while (underWay.some((request) => !answered.has(request))) {
        for (const request of underWay) {
          if (answered.has(request)) continue
          answered.add(request)
          request.answer(OK)
        }
        await settled()
      }
    }
    await answerAll()
    expect(underWay).toHaveLength(1_024)
    acknowledge()
    await settled()
    await answerAll()
    expect(underWay).toHaveLength(2_000)
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

  it('takes what was put off before, in the place of what is new', () => {
    const { offer, written } = aDispatch()
    fill(offer)
    const back = offer({ isDeferred: true, notBefore: 1, deferredSince: 1, chainStartedAt: 1 })
    expect(written.at(-1)).toMatchObject({ kind: 'deferred' })
    expect(written.at(-1)!.deliveryId).not.toBe(back.delivery.id)
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
    const waiting = offer()
    await vi.advanceTimersByTimeAsync(61_000)
    expect(written.filter(({ kind }) => kind === 'command')).toHaveLength(2)
    change(aWebhook('whk_1', { version: 2, isActive: false }))
    await settled()
    expect(written.at(-1)).toEqual({ kind: 'ended', deliveryId: waiting.delivery.id, end: 'cancelled' })
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

describe('the lane of a deleted webhook', () => {
  it('is forgotten when it has nothing more to do, also if its last word was a failure', async () => {
    const { dispatch, offer, underWay, forget } = aDispatch()
    offer()
    underWay[0]!.answer(BROKEN)
    await settled()
    dispatch.forgetIdleLanes()
    expect(dispatch.healthOf('whk_1')).toBeDefined()
    forget('whk_1')
    dispatch.forgetIdleLanes()
    expect(dispatch.healthOf('whk_1')).toBeUndefined()
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
})

it('calls a receiver that left the last attempt unanswered on a connection of its own', async () => {
  const { offer, underWay } = aDispatch()
  for (const outcome of [HUNG, BROKEN, OK]) {
    offer()
    underWay.at(-1)!.answer(outcome)
    await settled()
  }
  expect(underWay.map(({ onNewConnection }) => onNewConnection)).toEqual([false, true, false])
})

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
    const { dispatch, offer, memory } = aDispatch()
    const partition = { lost: false }
    for (let i = 0; i < 8; i++) offer(replay, partition)
    await spread()
    for (let i = 0; i < 64; i++) offer(replay, partition)
    const tell = vi.fn()
    dispatch.whenReplayRoom(someWork({ webhookId: 'whk_1', ...replay }), tell)
    partition.lost = true
    dispatch.dropLost()
    expect(tell).toHaveBeenCalledTimes(1)
    expect(memory.records).toBe(8)
  })
})

describe('draining', () => {
  it('finishes what is under way and starts nothing more', async () => {
    const { dispatch, offer, underWay } = aDispatch()
    for (let i = 0; i < 20; i++) offer()
    const drained = dispatch.drain(10_000)
    for (const request of underWay) request.answer(OK)
    await vi.advanceTimersByTimeAsync(1)
    expect(await drained).toBe(true)
    expect(underWay).toHaveLength(16)
  })

  it('ends in time when a receiver does not answer', async () => {
    const { dispatch, offer } = aDispatch()
    offer()
    const drained = dispatch.drain(50)
    vi.useRealTimers()
    expect(await drained).toBe(false)
  })
})

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
    const { dispatch, offer, underWay } = aDispatch()
    const partition = { lost: false }
    for (let i = 0; i < 20; i++) offer({}, partition)
    partition.lost = true
    dispatch.dropLost()
    offer()
    await settled()
    // A new lane, with nothing under way: it starts at once although the old one was at its cap.
    expect(underWay).toHaveLength(17)
  })
})
