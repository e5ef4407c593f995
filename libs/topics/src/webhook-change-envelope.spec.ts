import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type DeliverableWebhook, eventTypes } from '#domain'
import { aWebhook } from '../../domain/src/builders.testing.js'
import { UndecodableRecord } from './message.js'
import { received, withHeaders } from './received.testing.js'
import { decodeSubscriptionChange, decodeWebhookChange, encodeWebhookChange } from './webhook-change-envelope.js'

const TOPIC = 'webhook-changes'
const tombstone = received(encodeWebhookChange(TOPIC, { kind: 'deleted', webhookId: 'whk_1', version: 7 }))
const change = received(encodeWebhookChange(TOPIC, { kind: 'changed', webhook: aWebhook() }))

const someWebhook: fc.Arbitrary<DeliverableWebhook> = fc.record({
  id: fc.stringMatching(/^whk_[a-z0-9]{1,32}$/),
  accountId: fc.string(),
  version: fc.nat(),
  events: fc.subarray(eventTypes),
  isActive: fc.boolean(),
  createdAt: fc.nat(),
  url: fc.webUrl({ validSchemes: ['https'] }),
  secrets: fc.array(fc.record({ sealed: fc.string(), expiresAt: fc.option(fc.nat()) }), { minLength: 1, maxLength: 2 }),
})

test('the dispatcher gets the whole webhook back', () => {
  fc.assert(
    fc.property(someWebhook, (webhook) => {
      const message = received(encodeWebhookChange(TOPIC, { kind: 'changed', webhook }))
      expect(message.key).toBe(webhook.id)
      expect(decodeWebhookChange(message)).toEqual({ kind: 'changed', webhook })
    }),
  )
})

test('a deletion is a tombstone, which compaction understands, and still carries its version', () => {
  expect(tombstone.value).toBeNull()
  expect(decodeWebhookChange(tombstone)).toEqual({ kind: 'deleted', webhookId: 'whk_1', version: 7 })
  expect(decodeSubscriptionChange(tombstone)).toEqual({ kind: 'deleted', webhookId: 'whk_1', version: 7 })
})

test('fan-out keeps neither the URL nor the secrets', () => {
  const { url: _url, secrets: _secrets, ...subscribed } = aWebhook()
  expect(decodeSubscriptionChange(change)).toEqual({ kind: 'changed', webhook: subscribed })
})

test.each([
  ['no key', { ...change, key: null }, /no webhook as its key/],
  ['the key of another webhook', { ...change, key: 'whk_2' }, /not the webhook of the value/],
  ['no JSON', { ...change, value: Buffer.from('{') }, /not JSON/],
  ['an empty value, which is no tombstone', { ...change, value: Buffer.alloc(0) }, /no value/],
  ['JSON null', { ...change, value: Buffer.from('null') }, /not a JSON object/],
  ['a JSON number', { ...change, value: Buffer.from('7') }, /not a JSON object/],
  ['a JSON list', { ...change, value: Buffer.from('[]') }, /not the webhook of the value/],
  ['a tombstone without version', withHeaders(tombstone, { version: undefined }), /"version" is missing/],
  ['a tombstone with a wrong version', withHeaders(tombstone, { version: 'x' }), /"version" is not a whole number/],
])('a record with %s is undecodable', (_, message, problem) => {
  for (const decode of [decodeWebhookChange, decodeSubscriptionChange]) {
    expect(() => decode(message)).toThrow(UndecodableRecord)
    expect(() => decode(message)).toThrow(problem)
  }
})
