import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MAX_EVENT_BODY_BYTES, contextEventTypes, eventBody, operationalEventTypes } from '#domain'
import { anEvent } from '../../domain/src/builders.testing.js'
import { decodeContextEvent, encodeContextEvent } from './context-event-envelope.js'
import { UndecodableRecord } from './message.js'
import { received, withHeaders } from './received.testing.js'

const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
const accepted = { id: 'evt_1', accountId: 'acc_1', type: 'context.updated', body: '{}' } as const

test('an event comes back with the bytes that were accepted and the time at which the broker took it', () => {
  const text = fc.string({ unit: 'binary' })
  fc.assert(
    fc.property(text, fc.constantFrom(...contextEventTypes), fc.nat(), (name, type, timestamp) => {
      const body = eventBody(anEvent({ context: { name } }))
      const message = encodeContextEvent('context-events', { ...accepted, type, body, traceparent: TRACE })
      expect(decodeContextEvent(received(message, timestamp))).toEqual({
        ...accepted,
        type,
        acceptedAt: timestamp,
        body: Buffer.from(body),
        traceparent: TRACE,
      })
    }),
  )
})

test.each(operationalEventTypes)('an event %s comes back with the webhook that it is about', (type) => {
  const message = encodeContextEvent('context-events', { ...accepted, type, aboutWebhookId: 'whk_1' })
  expect(decodeContextEvent(received(message))).toMatchObject({ type, aboutWebhookId: 'whk_1' })
})

test('the key is the account, so that its events stay in order of acceptance', () => {
  expect(encodeContextEvent('context-events', accepted)).toMatchObject({ topic: 'context-events', key: 'acc_1' })
})

test('an event without a trace has none when it comes back', () => {
  expect(decodeContextEvent(received(encodeContextEvent('context-events', accepted)))).not.toHaveProperty('traceparent')
})

const record = received(encodeContextEvent('context-events', accepted))

test.each([
  ['no account', { ...record, key: null }, /no account/],
  ['no id', withHeaders(record, { 'event-id': undefined }), /"event-id" is missing/],
  ['no type', withHeaders(record, { 'event-type': undefined }), /"event-type" is missing/],
  ['an unknown type', withHeaders(record, { 'event-type': 'toString' }), /"toString" is not an event type/],
  [
    'no webhook that it is about',
    withHeaders(record, { 'event-type': 'webhook.enabled' }),
    /"about-webhook" is missing/,
  ],
  ['no body', { ...record, value: null }, /no value/],
  ['many times the body of ours', { ...record, value: Buffer.alloc(4 * MAX_EVENT_BODY_BYTES) }, /has \d+ bytes/],
  ['an empty body', { ...record, value: Buffer.alloc(0) }, /no value/],
])('a record with %s is undecodable and says so', (_, message, problem) => {
  expect(() => decodeContextEvent(message)).toThrow(UndecodableRecord)
  expect(() => decodeContextEvent(message)).toThrow(problem)
})
