import { expect, test } from 'vitest'
import { aDelivery } from '../../domain/src/builders.testing.js'
import { encodeDeadLetter, encodeUndecodable } from './dead-letter-envelope.js'
import { decodeDelivery } from './delivery-envelope.js'
import { received } from './received.testing.js'

test('a delivery given up can be read back whole, to be sent again', () => {
  const delivery = aDelivery({ attempt: 6, notBefore: 5, chainStartedAt: 1, isDeferred: true, deferredSince: 2 })
  const letter = received(encodeDeadLetter('deliveries.dead-letter', delivery, 'exhausted'))
  expect(letter.key).toBe(delivery.webhookId)
  expect(letter.headers['dead-letter-reason']).toBe('exhausted')
  expect(decodeDelivery(letter)).toEqual(delivery)
})

test('a record that could not be read is kept byte for byte, with where it was and what was wrong', () => {
  const value = Buffer.from([0xff, 0x00, 0xfe])
  const record = { key: 'whk_1', value, headers: { trigger: 'manual' }, timestamp: 1 }
  const origin = { topic: 'deliveries', partition: 3, offset: 42 }
  expect(encodeUndecodable('deliveries.dead-letter', record, origin, '"manual" is not a trigger')).toEqual({
    topic: 'deliveries.dead-letter',
    key: 'whk_1',
    value,
    headers: {
      trigger: 'manual',
      'dead-letter-reason': 'undecodable',
      'dead-letter-problem': '"manual" is not a trigger',
      'dead-letter-origin': 'deliveries/3/42',
    },
  })
})

test('a record without key and value is a dead letter too', () => {
  const record = { key: null, value: null, headers: {}, timestamp: 1 }
  const letter = encodeUndecodable('dead', record, { topic: 't', partition: 0, offset: 0 }, 'the record has no value')
  expect(letter).toMatchObject({ topic: 'dead', key: '', value: null })
})

test.each(['value', 'headers', 'key'] as const)(
  'of a record whose %s takes all that a record may, only its place is told',
  (part) => {
    const large = 'x'.repeat(1_000_000)
    const record = {
      key: part === 'key' ? large : 'whk_1',
      value: Buffer.from(part === 'value' ? large : ''),
      headers: part === 'headers' ? { large } : {},
      timestamp: 1,
    }
    const origin = { topic: 'deliveries', partition: 3, offset: 42 }
    const { key, value, headers } = encodeUndecodable('dead', record, origin, large)
    expect({ key, value }).toEqual({ key: '', value: null })
    expect(headers).toMatchObject({ 'dead-letter-reason': 'undecodable', 'dead-letter-origin': 'deliveries/3/42' })
    expect(Number(headers['dead-letter-bytes'])).toBeGreaterThanOrEqual(large.length)
    expect(Object.values(headers).join('').length).toBeLessThan(2_000)
  },
)
