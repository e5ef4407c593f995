import fc from 'fast-check'
import { expect, test } from 'vitest'
import { deliveryIdFor, eventIdForIdempotencyKey, eventIdForNotification, newId } from './ids.js'

test('a new id has its prefix and is never given twice', () => {
  const ids = Array.from({ length: 1_000 }, () => newId('whk'))
  expect(new Set(ids).size).toBe(ids.length)
  for (const id of ids) expect(id).toMatch(/^whk_[0-9a-f]{32}$/)
})

test('fan-out over the same event a second time gives the same delivery ids', () => {
  expect(deliveryIdFor('evt_1', 'whk_1')).toBe(deliveryIdFor('evt_1', 'whk_1'))
  // Written down: a changed derivation would deliver again everything that a crash left half done.
  expect(deliveryIdFor('evt_1', 'whk_1')).toBe('dlv_d51317a72401e201de01fc03e8421317')
})

test('each pair of event and webhook has a delivery id of its own', () => {
  const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,12}$/)
  fc.assert(
    fc.property(id, id, id, id, (event, webhook, otherEvent, otherWebhook) => {
      fc.pre(event !== otherEvent || webhook !== otherWebhook)
      expect(deliveryIdFor(event, webhook)).not.toBe(deliveryIdFor(otherEvent, otherWebhook))
    }),
  )
})

test('parts that read the same when joined stay apart', () => {
  expect(deliveryIdFor('evt_ab', 'c')).not.toBe(deliveryIdFor('evt_a', 'bc'))
})

test('an idempotency key stands for one event id per account, in the form of an event id', () => {
  const id = eventIdForIdempotencyKey('acc_1', 'order 4711/ä')
  expect(id).toMatch(/^evt_[A-Za-z0-9_-]{8,64}$/)
  expect(eventIdForIdempotencyKey('acc_1', 'order 4711/ä')).toBe(id)
  expect(eventIdForIdempotencyKey('acc_2', 'order 4711/ä')).not.toBe(id)
})

test('a notification that is told a second time leads to the same event', () => {
  expect(eventIdForNotification('acc_1', '7', 1_000)).toBe(eventIdForNotification('acc_1', '7', 1_000))
  // Written down: a changed derivation would tell again whatever a crash left half done.
  expect(eventIdForNotification('acc_1', '7', 1_000)).toBe('evt_b2ffa4d656c750d42b446b262172bc1b')
  // The next database counts from 1 again.
  expect(eventIdForNotification('acc_1', '7', 2_000)).not.toBe(eventIdForNotification('acc_1', '7', 1_000))
})
