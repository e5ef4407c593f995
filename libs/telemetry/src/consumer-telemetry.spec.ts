import { expect, test } from 'vitest'
import { type ObservedConsumer, consumerHealth, observeLag } from './consumer-telemetry.js'
import { Registry } from './metrics.js'

function aConsumer(overrides: Partial<ObservedConsumer> = {}): ObservedConsumer {
  return { isReady: () => true, fetchAgeMs: () => 0, lag: () => [], ...overrides }
}

const yes = () => true
const nobody = () => undefined
const no = () => false

test('a consumer that has joined is well in every way', () => {
  const { started, ready, live } = consumerHealth(() => aConsumer(), no)
  expect([started(), ready(), live()]).toEqual([null, null, null])
})

test('while it waits for what it needs at its start it is not ready, and a restart would not help, however long', () => {
  const { started, ready, live } = consumerHealth(nobody, no)
  expect([started(), ready(), live()]).toEqual([null, 'starting', null])
})

test('while it drains, or is no member of its group, it is not ready, and a restart would not help', () => {
  const draining = consumerHealth(() => aConsumer(), yes)
  expect([draining.started(), draining.ready(), draining.live()]).toEqual([null, 'draining', null])
  const outside = consumerHealth(() => aConsumer({ isReady: no }), no)
  expect([outside.started(), outside.ready(), outside.live()]).toEqual([
    null,
    'not a member of the consumer group',
    null,
  ])
})

test('a broker that is away for ten minutes and more restarts nobody, being cut off for good does', () => {
  let age = 899_999
  const { live } = consumerHealth(() => aConsumer({ fetchAgeMs: () => age }), no)
  expect(live()).toBeNull()
  age = 900_000
  expect(live()).toBe('nothing was fetched for 900 s')
})

test('a broker that is frozen makes its consumers not ready, though they are members still', () => {
  let age = 14_999
  const { ready } = consumerHealth(() => aConsumer({ fetchAgeMs: () => age }), no)
  expect(ready()).toBeNull()
  age = 15_000
  expect(ready()).toBe('nothing was fetched for 15 s: Kafka does not answer')
})

test('lag is told by topic, and a partition that has left is told no more', async () => {
  let lag = [
    { topic: 'deliveries', lag: 3 },
    { topic: 'deliveries', lag: 4 },
    { topic: 'deliveries.retry-10s', lag: 5 },
  ]
  const registry = new Registry()
  observeLag(registry, aConsumer({ lag: () => lag }))
  expect(await registry.metrics()).toContain('webhooks_consumer_lag_records{topic="deliveries"} 7')
  expect(await registry.metrics()).toContain('webhooks_consumer_lag_records{topic="deliveries.retry-10s"} 5')
  lag = [{ topic: 'deliveries', lag: 1 }]
  const later = await registry.metrics()
  expect(later).toContain('webhooks_consumer_lag_records{topic="deliveries"} 1')
  expect(later).not.toContain('retry-10s')
})

test('the lag of all consumers of a process is shown together', async () => {
  const registry = new Registry()
  observeLag(registry, aConsumer({ lag: () => [{ topic: 'a', lag: 2 }] }))
  observeLag(registry, aConsumer({ lag: () => [{ topic: 'b', lag: 3 }] }))
  const text = await registry.metrics()
  expect(text).toContain('webhooks_consumer_lag_records{topic="a"} 2')
  expect(text).toContain('webhooks_consumer_lag_records{topic="b"} 3')
})
