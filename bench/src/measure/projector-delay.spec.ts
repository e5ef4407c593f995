import { expect, test } from 'vitest'
import { delayIn, lagIn, meanDelayMs } from './projector-delay.js'

const metrics = (sum: number, count: number): string =>
  `# TYPE webhooks_projector_delay_seconds histogram
webhooks_projector_delay_seconds_bucket{le="0.1",service="api"} 3
webhooks_projector_delay_seconds_sum{service="api"} ${sum}
webhooks_projector_delay_seconds_count{service="api"} ${count}
`

test('the mean is of the rounds between two readings', () => {
  expect(meanDelayMs(delayIn(metrics(10, 20)), delayIn(metrics(11, 24)))).toBeCloseTo(250)
})

test('an API without the metric is an error, not a zero', () => {
  expect(() => delayIn('# nothing\n')).toThrow('webhooks_projector_delay_seconds_sum')
})

test('the lag is that of the log, whatever its prefix, and unknown while nobody reads it', () => {
  const others = 'webhooks_consumer_lag_records{topic="b.webhook-commands",service="api"} 0\n'
  expect(lagIn(others)).toBeUndefined()
  expect(lagIn(`${others}webhooks_consumer_lag_records{topic="b.delivery-log",service="api"} 4200\n`)).toBe(4200)
})
