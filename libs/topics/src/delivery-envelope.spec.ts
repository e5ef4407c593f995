import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Delivery, MAX_EVENT_BODY_BYTES, type Trigger, eventTypes } from '#domain'
import { aDelivery } from '../../domain/src/builders.testing.js'
import { decodeDelivery, encodeDelivery, isPerhapsDoubled, markPerhapsDoubled } from './delivery-envelope.js'
import { UndecodableRecord } from './message.js'
import { received, withHeaders } from './received.testing.js'

const id = fc.stringMatching(/^[a-z]{3}_[A-Za-z0-9_-]{1,30}$/)
const time = fc.nat({ max: 8_640_000_000_000_000 })
const triggers: Trigger[] = ['automatic', 'test', 'redelivery', 'replay']

const someDelivery: fc.Arbitrary<Delivery> = fc
  .record({
    id,
    eventId: id,
    eventType: fc.constantFrom(...eventTypes),
    accountId: id,
    webhookId: id,
    webhookVersion: fc.nat(),
    trigger: fc.constantFrom(...triggers),
    chain: fc.nat(),
    attempt: fc.integer({ min: 1, max: 6 }),
    acceptedAt: time,
    notBefore: fc.option(time),
    chainStartedAt: fc.option(time),
    isDeferred: fc.boolean(),
    deferredSince: fc.option(time),
    body: fc.uint8Array({ minLength: 1 }).map((bytes) => Buffer.from(bytes)),
    traceparent: fc.option(fc.stringMatching(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/)),
  })
  .map(({ traceparent, ...delivery }) => ({ ...delivery, ...(traceparent !== null && { traceparent }) }))

test('a delivery comes back from its topic as it went in', () => {
  fc.assert(
    fc.property(someDelivery, (delivery) => {
      expect(decodeDelivery(received(encodeDelivery('deliveries', delivery)))).toEqual(delivery)
    }),
  )
})

test('the value is the body alone and the key is the webhook, so that a lane stays in one partition', () => {
  const delivery = aDelivery()
  expect(encodeDelivery('deliveries.retry-10s', delivery)).toMatchObject({
    topic: 'deliveries.retry-10s',
    key: delivery.webhookId,
    value: delivery.body,
  })
})

const record = received(encodeDelivery('deliveries', aDelivery({ notBefore: 5, chainStartedAt: 4, deferredSince: 3 })))

test.each([
  'delivery-id',
  'event-id',
  'event-type',
  'account-id',
  'webhook-version',
  'trigger',
  'chain',
  'attempt',
  'accepted-at',
])('a record without %s is undecodable, and the problem names it', (name) => {
  const problem = new UndecodableRecord(`header "${name}" is missing`)
  expect(() => decodeDelivery(withHeaders(record, { [name]: undefined }))).toThrow(problem)
  expect(() => decodeDelivery(withHeaders(record, { [name]: '' }))).toThrow(problem)
})

test.each(['webhook-version', 'chain', 'attempt', 'accepted-at', 'not-before', 'chain-started-at', 'deferred-since'])(
  'a record whose %s is no whole number is undecodable',
  (name) => {
    for (const text of ['x', '-1', '1.5', '1e3', '0x10', ' 1', 'NaN', 'Infinity', '9007199254740993']) {
      expect(() => decodeDelivery(withHeaders(record, { [name]: text })), text).toThrow(UndecodableRecord)
    }
  },
)

test('a time that is present but empty is undecodable, not the year 1970', () => {
  expect(() => decodeDelivery(withHeaders(record, { 'not-before': '' }))).toThrow(UndecodableRecord)
})

test.each([
  [{ 'event-type': 'context.renamed' }, /"context.renamed" is not an event type/],
  [{ 'event-type': 'constructor' }, /not an event type/],
  [{ trigger: 'manual' }, /"manual" is not a trigger/],
  [{ attempt: '0' }, /numbered from 1/],
])('a record with %j is undecodable', (headers, problem) => {
  expect(() => decodeDelivery(withHeaders(record, headers))).toThrow(UndecodableRecord)
  expect(() => decodeDelivery(withHeaders(record, headers))).toThrow(problem)
})

test('a record without a key or a value is undecodable', () => {
  expect(() => decodeDelivery({ ...record, key: null })).toThrow(UndecodableRecord)
  expect(() => decodeDelivery({ ...record, key: '' })).toThrow(UndecodableRecord)
  expect(() => decodeDelivery({ ...record, value: null })).toThrow(UndecodableRecord)
  expect(() => decodeDelivery({ ...record, value: Buffer.alloc(0) })).toThrow(UndecodableRecord)
})

test('a record that is many times as large as ours is undecodable, whatever of it is large', () => {
  const large = 'x'.repeat(8 * MAX_EVENT_BODY_BYTES)
  const problem = /^the record has \d+ bytes, more than \d+$/
  for (const part of [{ value: Buffer.from(large) }, { key: large }]) {
    expect(() => decodeDelivery({ ...record, ...part })).toThrow(problem)
  }
  for (const name of ['delivery-id', 'traceparent', 'unknown']) {
    expect(() => decodeDelivery(withHeaders(record, { [name]: large }))).toThrow(problem)
  }
  const largest = Buffer.alloc(MAX_EVENT_BODY_BYTES)
  expect(decodeDelivery({ ...record, value: largest }).body).toEqual(largest)
})

test('whatever a stranger writes is a delivery or undecodable, never another failure', () => {
  const headers = fc.dictionary(fc.constantFrom(...Object.keys(record.headers)), fc.string())
  fc.assert(
    fc.property(headers, fc.option(fc.string()), (changes, key) => {
      try {
        decodeDelivery({ ...withHeaders(record, changes), key })
      } catch (error) {
        expect(error).toBeInstanceOf(UndecodableRecord)
      }
    }),
  )
})

test('a mark that it may be doubled changes nothing else of a delivery', () => {
  const delivery = aDelivery()
  const plain = encodeDelivery('deliveries', delivery)
  const marked = received(markPerhapsDoubled(plain))
  expect([isPerhapsDoubled(received(plain)), isPerhapsDoubled(marked)]).toEqual([false, true])
  expect(decodeDelivery(marked)).toEqual(delivery)
})
