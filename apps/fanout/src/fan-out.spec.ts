import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { MAX_EVENT_BODY_BYTES, RetrySchedule, type SubscribedWebhook } from '#domain'
import { type BatchingProducer, type ConsumedRecord, ProduceFailed, type RecordBatch } from '#kafka'
import { Registry, Tracing } from '#telemetry'
import { type Message, TopicMap, isPerhapsDoubled } from '#topics'
import { aTracing } from '../../../libs/telemetry/src/tracing.testing.js'
import { FanOut } from './fan-out.js'
import { FanOutMetrics } from './fan-out-metrics.js'
import type { Subscriptions } from './subscriptions.js'
import type { UnknownPast } from './unknown-past.js'

const aWebhook: SubscribedWebhook = {
  id: 'whk_1',
  accountId: 'acc_1',
  version: 1,
  events: ['context.updated'],
  isActive: true,
  createdAt: 0,
}
const topics = new TopicMap({
  prefix: '',
  schedule: RetrySchedule.parse('10s,1m,6m,36m,3h36m'),
  eventRetentionMs: 1,
  deliveryRetentionMs: 1,
  deliveryMaxAgeMs: 1,
})

function aFanOut(isDone: (record: ConsumedRecord) => boolean = () => false, tracing = Tracing.off) {
  const sent: Message[][] = []
  let answer: () => Promise<void> = () => Promise.resolve()
  const registry = new Registry()
  const caughtUp = vi.fn(() => Promise.resolve())
  const webhooksOf = vi.fn(() => [aWebhook])
  const errors: unknown[] = []
  const past = {
    concerns: ({ records }: RecordBatch) => records.some(isDone),
    doneIn: async ({ records }: RecordBatch) => new Set(records.filter(isDone)),
  }
  const fanOut = new FanOut(
    { caughtUp, ofAccount: webhooksOf } as unknown as Subscriptions,
    past as unknown as UnknownPast,
    { send: (records: Message[]) => (sent.push(records), answer()) } as unknown as BatchingProducer,
    topics,
    new FanOutMetrics(registry),
    tracing,
    { info() {}, error: (fields: unknown) => errors.push(fields) } as never,
  )
  const counted = async (name: string) => (await registry.getSingleMetric(name)!.get()).values[0]!.value
  return {
    fanOut,
    sent,
    counted,
    caughtUp,
    webhooksOf,
    errors,
    past,
    answerWith: (next: typeof answer) => (answer = next),
  }
}

const ids = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name}_${i}`)

let nextOffset = 0
function aBatch(
  partition: number,
  eventIds: string[],
  headers: Record<string, string> = { 'event-type': 'context.updated' },
  account = 'acc_1',
) {
  const batch = {
    topic: 'context-events',
    partition,
    highWatermark: Infinity,
    records: eventIds.map((id): ConsumedRecord => ({
      topic: 'context-events',
      partition,
      offset: nextOffset++,
      key: account,
      value: Buffer.from(`{"id":"${id}"}`),
      headers: { 'event-id': id, ...headers },
      timestamp: 1_000,
    })),
    completed: [] as string[],
    get isCompleted() {
      return batch.completed.length === batch.records.length
    },
    owned: true,
    isOwned: () => batch.owned,
    complete: ({ headers }: ConsumedRecord) => batch.completed.push(headers['event-id']!),
    withoutRecords: () => batch,
  }
  return batch
}
const take = (fanOut: FanOut, batch: ReturnType<typeof aBatch>) => fanOut.take(batch as unknown as RecordBatch)
const eventsOf = (messages: Message[]) =>
  messages.filter(({ topic }) => topic === 'deliveries').map((m) => m.headers['event-id'])

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

describe('a round of fan-out', () => {
  it('leaves out what was fanned out before the offsets were lost, and completes it', async () => {
    const { fanOut, sent } = aFanOut(({ headers }) => headers['event-id'] !== 'evt_new')
    const batch = aBatch(0, ['evt_old', 'evt_new'])
    await take(fanOut, batch)
    await fanOut.idle()
    expect(sent.flatMap(eventsOf)).toEqual(['evt_new'])
    expect(batch.isCompleted).toBe(true)
  })

  it('marks what the owner before may have fanned out, and nothing that came later', async () => {
    const { fanOut, sent } = aFanOut()
    const batch = aBatch(3, ['evt_before', 'evt_new'])
    batch.highWatermark = batch.records[1]!.offset
    fanOut.takenOver([batch])
    await take(fanOut, batch)
    await take(fanOut, aBatch(3, ['evt_later']))
    await fanOut.idle()
    const deliveries = sent.flat().filter(({ topic }) => topic === 'deliveries')
    expect(deliveries.filter(isPerhapsDoubled).map(({ headers }) => headers['event-id'])).toEqual(['evt_before'])
    expect(deliveries).toHaveLength(3)
  })

  it('takes what all partitions brought, behind one barrier and with one request', async () => {
    const { fanOut, sent, caughtUp } = aFanOut()
    const batches = [aBatch(0, ['evt_a']), aBatch(1, ['evt_b', 'evt_c'])]
    for (const batch of batches) void take(fanOut, batch)
    await fanOut.idle()
    expect(sent.map(eventsOf)).toEqual([['evt_a', 'evt_b', 'evt_c']])
    expect(caughtUp).toHaveBeenCalledTimes(1)
    expect(batches.every(({ isCompleted }) => isCompleted)).toBe(true)
  })

  it('gathers what arrives while it runs for the next, whose barrier comes later', async () => {
    const { fanOut, sent, caughtUp, answerWith } = aFanOut()
    let acknowledge = () => {}
    answerWith(() => new Promise((resolve) => (acknowledge = resolve)))
    void take(fanOut, aBatch(0, ['evt_a']))
    await vi.waitFor(() => expect(sent).toHaveLength(1))
    void take(fanOut, aBatch(0, ['evt_b']))
    void take(fanOut, aBatch(1, ['evt_c']))
    answerWith(() => Promise.resolve())
    acknowledge()
    await fanOut.idle()
    expect(sent.map(eventsOf)).toEqual([['evt_a'], ['evt_b', 'evt_c']])
    expect(caughtUp).toHaveBeenCalledTimes(2)
  })

  it('that fails is repeated with the same deliveries, and nothing is complete before', async () => {
    const { fanOut, sent, errors, answerWith } = aFanOut()
    answerWith(() => Promise.reject(new Error('the broker is away')))
    const batch = aBatch(0, ['evt_a'])
    void take(fanOut, batch)
    await vi.advanceTimersByTimeAsync(0)
    expect(batch.isCompleted).toBe(false)
    answerWith(() => Promise.resolve())
    await vi.advanceTimersByTimeAsync(100)
    await fanOut.idle()
    expect(errors).toHaveLength(1)
    expect(sent.map(eventsOf)).toEqual([['evt_a'], ['evt_a']])
    expect(batch.isCompleted).toBe(true)
  })

  it('that fails again and again is repeated less and less often, and soon again once one went well', async () => {
    const { fanOut, errors, answerWith } = aFanOut()
    const fails = [true, true, false, true, false]
    answerWith(() => (fails.shift() ? Promise.reject(new Error('the broker is away')) : Promise.resolve()))
    for (const id of ['evt_a', 'evt_b']) {
      void take(fanOut, aBatch(0, [id]))
      await fanOut.idle()
    }
    expect(errors).toMatchObject([{ backoffMs: 100 }, { backoffMs: 200 }, { backoffMs: 100 }])
  })

  it('writes no more than 4 MiB at once, however few deliveries that are', async () => {
    const { fanOut, sent } = aFanOut()
    const large = aBatch(0, ids('evt', 40))
    for (const record of large.records) record.value = Buffer.alloc(MAX_EVENT_BODY_BYTES, ' ')
    void take(fanOut, large)
    await fanOut.idle()
    // Each body goes to the webhook, and counts once more for what is told of its event.
    const inOneRound = (4 * 1024 * 1024) / (2 * MAX_EVENT_BODY_BYTES)
    expect(sent.map((messages) => eventsOf(messages).length)).toEqual([inOneRound, 40 - inOneRound])
  })

  it('leaves a partition that was lost to its new owner', async () => {
    const { fanOut, sent } = aFanOut()
    const lost = aBatch(0, ['evt_a'])
    lost.owned = false
    void take(fanOut, lost)
    void take(fanOut, aBatch(1, ['evt_b']))
    await fanOut.idle()
    expect(sent.map(eventsOf)).toEqual([['evt_b']])
    expect(lost.completed).toEqual([])
  })

  it('fans an event out once that comes in two batches of one round', async () => {
    const { fanOut, sent } = aFanOut()
    void take(fanOut, aBatch(0, ['evt_a']))
    void take(fanOut, aBatch(0, ['evt_a']))
    await fanOut.idle()
    expect(sent.flatMap(eventsOf)).toEqual(['evt_a'])
  })

  it('knows an event again that comes in a later one, and counts what it did', async () => {
    const { fanOut, sent, counted } = aFanOut()
    const repeat = aBatch(0, ['evt_a', 'evt_b'])
    for (const batch of [aBatch(0, ['evt_a']), repeat, aBatch(0, ['evt_c'], { 'event-type': 'context.exploded' })]) {
      void take(fanOut, batch)
      await fanOut.idle()
    }
    expect(sent.flatMap(eventsOf)).toEqual(['evt_a', 'evt_b'])
    expect(repeat.isCompleted).toBe(true)
    expect([
      await counted('webhooks_events_fanned_out_total'),
      await counted('webhooks_deliveries_created_total'),
      await counted('webhooks_events_repeated_total'),
      await counted('webhooks_records_undecodable_total'),
    ]).toEqual([2, 2, 1, 1])
  })

  it('sends what it cannot read to the dead letters and goes on', async () => {
    const { fanOut, sent } = aFanOut()
    const unreadable = aBatch(0, ['evt_a'], { 'event-type': 'context.exploded' })
    void take(fanOut, unreadable)
    void take(fanOut, aBatch(0, ['evt_b']))
    await fanOut.idle()
    expect(sent[0]!.map(({ topic }) => topic)).toEqual(['deliveries.dead-letter', 'deliveries', 'delivery-log'])
    expect(unreadable.isCompleted).toBe(true)
  })

  it('takes no more than 5,000 deliveries, and in turns, so that a burst does not stand before a neighbour', async () => {
    const { fanOut, sent } = aFanOut()
    const burst = aBatch(0, ids('evt_burst', 6_000))
    const neighbours = [aBatch(0, ['evt_same'], undefined, 'acc_2'), aBatch(1, ['evt_other'], undefined, 'acc_3')]
    for (const batch of [burst, ...neighbours]) void take(fanOut, batch)
    await fanOut.idle()
    const [first, second] = sent.map(eventsOf)
    expect(first).toHaveLength(5_000)
    expect(first!.indexOf('evt_same')).toBe(500)
    expect(first!.indexOf('evt_other')).toBe(501)
    expect([...first!, ...second!].filter((id) => id?.startsWith('evt_burst'))).toEqual(ids('evt_burst', 6_000))
    expect([burst, ...neighbours].every(({ isCompleted }) => isCompleted)).toBe(true)
  })

  it('that fails is repeated in the same order, and what came meanwhile comes after', async () => {
    const { fanOut, sent, answerWith } = aFanOut()
    answerWith(() => Promise.reject(new Error('the broker is away')))
    void take(fanOut, aBatch(0, ['evt_a', 'evt_b']))
    await vi.advanceTimersByTimeAsync(0)
    void take(fanOut, aBatch(0, ['evt_c']))
    answerWith(() => Promise.resolve())
    await vi.advanceTimersByTimeAsync(100)
    await fanOut.idle()
    expect(sent.map(eventsOf)).toEqual([
      ['evt_a', 'evt_b'],
      ['evt_a', 'evt_b', 'evt_c'],
    ])
  })

  it('is the last when the process stops: what waits is left to the next owner', async () => {
    const { fanOut, sent, answerWith } = aFanOut()
    let acknowledge = () => {}
    answerWith(() => new Promise((resolve) => (acknowledge = resolve)))
    const burst = aBatch(0, ids('evt', 12_000))
    void take(fanOut, burst)
    await vi.waitFor(() => expect(sent).toHaveLength(1))
    let isOver = false
    const drained = fanOut.drain().then(() => (isOver = true))
    await vi.advanceTimersByTimeAsync(0)
    expect(isOver).toBe(false)
    acknowledge()
    await drained
    await vi.advanceTimersByTimeAsync(0)
    expect(sent).toHaveLength(1)
    expect(burst.completed).toHaveLength(5_000)
  })

  it('that breaks while it is planned loses nothing either', async () => {
    const { fanOut, sent, errors, webhooksOf } = aFanOut()
    webhooksOf.mockImplementationOnce(() => [aWebhook])
    webhooksOf.mockImplementationOnce(() => {
      throw new Error('a mistake of ours')
    })
    const batch = aBatch(0, ['evt_a', 'evt_b', 'evt_c'])
    void take(fanOut, batch)
    await vi.advanceTimersByTimeAsync(100)
    await fanOut.idle()
    expect(errors).toHaveLength(1)
    expect(sent.map(eventsOf)).toEqual([['evt_a', 'evt_b', 'evt_c']])
    expect(batch.isCompleted).toBe(true)
  })

  it('is bounded also where everything is a repeat', async () => {
    const { fanOut, caughtUp } = aFanOut()
    const batch = aBatch(
      0,
      Array.from({ length: 6_000 }, () => 'evt_same'),
    )
    void take(fanOut, batch)
    await fanOut.idle()
    expect(caughtUp).toHaveBeenCalledTimes(2)
    expect(batch.isCompleted).toBe(true)
  })

  it('does not take what came after its barrier', async () => {
    const { fanOut, sent, caughtUp } = aFanOut()
    let reach = () => {}
    caughtUp.mockImplementationOnce(() => new Promise<void>((resolve) => (reach = resolve)))
    void take(fanOut, aBatch(0, ['evt_a']))
    await vi.waitFor(() => expect(caughtUp).toHaveBeenCalledTimes(1))
    void take(fanOut, aBatch(0, ['evt_b']))
    reach()
    await fanOut.idle()
    expect(sent.map(eventsOf)).toEqual([['evt_a'], ['evt_b']])
    expect(caughtUp).toHaveBeenCalledTimes(2)
  })

  it('is not begun blindly when what was done before is not known: the batch comes again', async () => {
    const { fanOut, sent, past } = aFanOut(() => true)
    past.doneIn = () => Promise.reject(new Error('the read model is away'))
    await expect(take(fanOut, aBatch(0, ['evt_a']))).rejects.toThrow('the read model is away')
    await fanOut.idle()
    expect(sent).toEqual([])
  })
})

it('holds a partition back when too many of its events wait, and reads on when they are fanned out', async () => {
  const { fanOut, answerWith } = aFanOut()
  const asked: string[] = []
  fanOut.attach({
    pause: (topic, partition) => void asked.push(`pause ${topic}/${partition}`),
    resume: (topic, partition) => void asked.push(`resume ${topic}/${partition}`),
    pauseAll: () => undefined,
    resumeAll: () => undefined,
  })
  let acknowledge = () => {}
  answerWith(() => new Promise((resolve) => (acknowledge = resolve)))
  void take(fanOut, aBatch(3, ids('evt', 5_000)))
  expect(asked).toEqual(['pause context-events/3'])
  answerWith(() => Promise.resolve())
  acknowledge()
  await fanOut.idle()
  expect(asked.at(-1)).toBe('resume context-events/3')
})

describe('an event with a trace', () => {
  const TRACE = '0af7651916cd43dd8448eb211c80319c'
  const ACCEPTANCE = 'b7ad6b7169203331'
  const headers = { 'event-type': 'context.updated', traceparent: `00-${TRACE}-${ACCEPTANCE}-01` }
  const traceparents = (messages: Message[]) =>
    messages.filter(({ topic }) => topic === 'deliveries').map((message) => message.headers.traceparent)

  it('has it handed on without an SDK, and one without a trace gets none', async () => {
    const { fanOut, sent } = aFanOut()
    void take(fanOut, aBatch(0, ['evt_a'], headers))
    void take(fanOut, aBatch(0, ['evt_b']))
    await fanOut.idle()
    expect(sent.flatMap(traceparents)).toEqual([headers.traceparent, undefined])
  })

  it('is a span below its acceptance until its deliveries are written, and these go on from there', async () => {
    const { tracing, spans } = aTracing()
    const { fanOut, sent, answerWith } = aFanOut(undefined, tracing)
    let acknowledge = () => {}
    answerWith(() => new Promise((resolve) => (acknowledge = resolve)))
    const startedAt = Date.now()
    void take(fanOut, aBatch(0, ['evt_a'], headers))
    await vi.advanceTimersByTimeAsync(0)
    expect(spans).toMatchObject([
      { name: 'event.fan_out', kind: 'CONSUMER', traceId: TRACE, parentId: ACCEPTANCE, hasEnded: false },
    ])
    expect(spans[0]!.attributes).toEqual({
      'messaging.system': 'kafka',
      'messaging.operation.name': 'process',
      'messaging.destination.name': 'context-events',
      'event.id': 'evt_a',
      'event.type': 'context.updated',
      'account.id': 'acc_1',
      'fan_out.matched': 1,
      'fan_out.unmatched': 0,
    })
    acknowledge()
    await fanOut.idle()
    expect(spans).toMatchObject([{ startedAt, failure: undefined, hasEnded: true }])
    expect(sent.flatMap(traceparents)).toEqual([`00-${TRACE}-${spans[0]!.spanId}-01`])
  })

  it.each([
    ['timed_out', new ProduceFailed('timed_out', 'the broker is away')],
    ['failure', new Error('a mistake of ours')],
  ])('of a round that failed is an error, and another span when it is repeated: %s', async (reason, error) => {
    const { tracing, spans } = aTracing()
    const { fanOut, sent, answerWith } = aFanOut(undefined, tracing)
    answerWith(() => (sent.length === 1 ? Promise.reject(error) : Promise.resolve()))
    void take(fanOut, aBatch(0, ['evt_a'], headers))
    await vi.advanceTimersByTimeAsync(100)
    await fanOut.idle()
    expect(spans).toMatchObject([
      { parentId: ACCEPTANCE, failure: reason, hasEnded: true },
      { parentId: ACCEPTANCE, failure: undefined, hasEnded: true },
    ])
    expect(sent.map(traceparents)).toEqual(spans.map(({ spanId }) => [`00-${TRACE}-${spanId}-01`]))
  })

  it('that comes again is no second span', async () => {
    const { tracing, spans } = aTracing()
    const { fanOut } = aFanOut(undefined, tracing)
    for (let i = 0; i < 2; i++) void take(fanOut, aBatch(0, ['evt_a'], headers))
    await fanOut.idle()
    expect(spans).toHaveLength(1)
  })
})
