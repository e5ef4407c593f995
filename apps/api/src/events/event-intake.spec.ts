import { expect, it } from 'vitest'
import { RetrySchedule } from '#domain'
import { type BatchingProducer, ProduceFailed } from '#kafka'
import { Registry, Tracing } from '#telemetry'
import { type Message, TopicMap } from '#topics'
import { aTracing } from '../../../../libs/telemetry/src/tracing.testing.js'
import { EventIntake, type EventToTake } from './event-intake.js'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const PRODUCER = `00-${TRACE}-b7ad6b7169203331-01`
const topics = new TopicMap({ prefix: '', schedule: RetrySchedule.parse('10s,1m,6m,36m,3h36m') } as never)

function anEvent(id: string): EventToTake {
  const context = { id: '550e8400-e29b-41d4-a716-446655440000', name: 'name-key', slug: 'slug', updated_at: '' }
  return { id, createdAt: '', request: { account_id: 'acc_1', type: 'context.updated', context } }
}

function anIntake(tracing: Tracing, answer: () => Promise<void> = () => Promise.resolve()) {
  const sent: Message[] = []
  const producer = { send: (records: Message[]) => (sent.push(...records), answer()) }
  const logger = { error() {} } as never
  const intake = new EventIntake(producer as unknown as BatchingProducer, topics, tracing, logger, new Registry())
  return { intake, traceparents: () => sent.map(({ headers }) => headers.traceparent), sent }
}

it('without an SDK events carry what the producer sent, and nothing where it sent nothing', async () => {
  const { intake, traceparents, sent } = anIntake(Tracing.off)
  await intake.take([anEvent('evt_1'), anEvent('evt_2')], PRODUCER)
  await intake.take([anEvent('evt_3')], undefined)
  expect(traceparents()).toEqual([PRODUCER, PRODUCER, undefined])
  expect(sent[2]!.headers).not.toHaveProperty('traceparent')
})

it('an event that is accepted is a span below the producer’s, and its record goes on from there', async () => {
  const { tracing, spans } = aTracing()
  const { intake, traceparents } = anIntake(tracing)
  await intake.take([anEvent('evt_1')], PRODUCER)
  expect(spans).toMatchObject([
    { name: 'event.accept', kind: 'PRODUCER', parentId: 'b7ad6b7169203331', failure: undefined, hasEnded: true },
  ])
  expect(spans[0]!.attributes).toEqual({
    'messaging.system': 'kafka',
    'messaging.operation.name': 'send',
    'messaging.destination.name': 'context-events',
    'event.id': 'evt_1',
    'event.type': 'context.updated',
    'account.id': 'acc_1',
  })
  expect(traceparents()).toEqual([`00-${TRACE}-${spans[0]!.spanId}-01`])
})

it('a producer without a trace has one begun', async () => {
  const { tracing, spans } = aTracing()
  const { intake, traceparents } = anIntake(tracing)
  await intake.take([anEvent('evt_1')], undefined)
  expect(spans[0]!.parentId).toBeUndefined()
  expect(traceparents()).toEqual([`00-${spans[0]!.traceId}-${spans[0]!.spanId}-01`])
})

it('a batch is one span for all of its events, and ends when they are stored', async () => {
  const { tracing, spans } = aTracing()
  let acknowledge = () => {}
  const { intake, traceparents } = anIntake(tracing, () => new Promise((resolve) => (acknowledge = resolve)))
  const taken = intake.take([anEvent('evt_1'), anEvent('evt_2')], PRODUCER)
  expect(spans).toMatchObject([{ attributes: { 'messaging.batch.message_count': 2 }, hasEnded: false }])
  acknowledge()
  await taken
  expect(spans).toMatchObject([{ hasEnded: true }])
  expect(new Set(traceparents())).toEqual(new Set([`00-${TRACE}-${spans[0]!.spanId}-01`]))
})

it.each([
  ['unavailable', new ProduceFailed('timed_out', 'the broker is away')],
  ['failure', new Error('a mistake of ours')],
])('events that could not be stored are an error: %s', async (reason, error) => {
  const { tracing, spans } = aTracing()
  const { intake } = anIntake(tracing, () => Promise.reject(error))
  await expect(intake.take([anEvent('evt_1')], PRODUCER)).rejects.toThrow()
  expect(spans).toMatchObject([{ failure: reason, attributes: { 'error.type': reason }, hasEnded: true }])
})
