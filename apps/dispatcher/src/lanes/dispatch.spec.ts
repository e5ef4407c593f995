import { describe, expect, it, vi } from 'vitest'
import { ProduceFailed } from '#kafka'
import { REPEAT_COMMAND_EVERY_MS } from '../webhooks/webhook-health.js'
import { someWork } from '../work.testing.js'
import { aDispatch, aWebhook, BROKEN, GONE, HUNG, OK, settled, useFakeClock } from './dispatch.testing.js'

useFakeClock()

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

  it('that finds no place ages by its receiver only, and not by a fault of ours', async () => {
    const { offer, underWay, written, lanes } = aDispatch()
    offer()
    const lane = lanes.get('whk_1')!.state
    while (!lane.isFull) offer()
    const putOff = () => {
      const { delivery } = offer()
      return written.find(({ deliveryId }) => deliveryId === delivery.id)
    }
    expect(putOff()).toMatchObject({ kind: 'deferred', by: 'receiver' })
    underWay.shift()!.answer(null)
    await settled()
    while (!lane.isFull) offer()
    expect(putOff()).toMatchObject({ kind: 'deferred', by: 'us' })
    underWay.shift()!.answer(OK)
    await settled()
    while (!lane.isFull) offer()
    expect(putOff()).toMatchObject({ kind: 'deferred', by: 'receiver' })
  })
})

describe('a slot', () => {
  type Dispatching = ReturnType<typeof aDispatch>
  const forever = () => new Promise<void>(() => {})

  it.each<[string, (all: Dispatching) => unknown]>([
    ['whose partition was lost', ({ offer }) => offer({}, { lost: true })],
    ['whose partition may have been lost', ({ offer }) => offer({}, { stale: true })],
    [
      'whose lane waits for the view of the webhooks',
      ({ offer, whenCaughtUp }) => {
        whenCaughtUp(forever)
        for (let i = 0; i < 3; i++) offer({ webhookVersion: 2 })
      },
    ],
    [
      'whose webhook is disabled',
      ({ offer, change }) => {
        change(aWebhook('whk_1', { isActive: false }))
        offer()
      },
    ],
    [
      'that a later chain replaced while it was queued',
      ({ dispatch, offer }) => {
        void dispatch.pauseForHandOver()
        offer({ id: 'dlv_again' })
        offer({ id: 'dlv_again', chain: 1, webhookVersion: 2 })
        dispatch.resumeAfterHandOver()
      },
    ],
    [
      'whose chain ended while it was queued',
      ({ dispatch, offer, attempted }) => {
        void dispatch.pauseForHandOver()
        const { delivery } = offer()
        attempted.ended(delivery, Date.now())
        dispatch.resumeAfterHandOver()
      },
    ],
    [
      'that is to wait for the answer to a command',
      async ({ offer, underWay }) => {
        offer()
        underWay[0]!.answer(GONE)
        await settled()
        // The pause is over, and the timer that asks again is late.
        vi.setSystemTime(Date.now() + REPEAT_COMMAND_EVERY_MS)
        offer()
      },
    ],
    [
      'of a test that was answered',
      async ({ offer, underWay }) => {
        offer({ trigger: 'test' })
        underWay[0]!.answer(OK)
        await settled()
      },
    ],
    [
      'that failed by a fault of ours',
      async ({ offer, underWay }) => {
        offer()
        underWay[0]!.answer(null)
        await settled()
      },
    ],
  ])('is not kept by a delivery %s', async (_, happens) => {
    const all = aDispatch()
    await happens(all)
    await settled()
    expect([await all.slotsTaken(), all.lanes.get('whk_1')!.state.inFlight]).toEqual([0, 0])
  })

  it('is taken by each request that is under way', async () => {
    const { offer, slotsTaken } = aDispatch()
    for (let i = 0; i < 3; i++) offer()
    expect(await slotsTaken()).toBe(3)
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

  it('is attempted when its event is accepted once more, days later', async () => {
    const { offer, underWay, written } = aDispatch()
    const monday = 1_705_329_900_000
    offer({ ...next, acceptedAt: monday })
    underWay[0]!.answer(OK)
    await settled()
    offer({ id: next.id, chain: 0, attempt: 1, acceptedAt: monday + 3 * 86_400_000 })
    await settled()
    expect(written.filter(({ kind }) => kind === 'ended')).toEqual([])
    expect(underWay).toHaveLength(2)
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

it('calls a receiver that left the last attempt unanswered on a connection of its own', async () => {
  const { offer, underWay } = aDispatch()
  for (const outcome of [HUNG, BROKEN, OK]) {
    offer()
    underWay.at(-1)!.answer(outcome)
    await settled()
  }
  expect(underWay.map(({ onNewConnection }) => onNewConnection)).toEqual([false, true, false])
})

describe('a delivery that comes back from where it was put off', () => {
  it('is no longer away, also when it is a double', async () => {
    const { lanes, offer, underWay } = aDispatch()
    const unfinished = () => lanes.get('whk_1')!.state.unfinished
    for (let i = 0; i < 2; i++) offer({ id: `dlv_${i}` })
    for (const { answer } of [...underWay]) answer(null)
    await settled()
    expect(unfinished()).toBe(2)
    const back = { notBefore: 1, isDeferred: true }
    for (let i = 0; i < 2; i++) offer({ id: 'dlv_0', ...back })
    expect(underWay).toHaveLength(3)
    expect(unfinished()).toBe(1)
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
