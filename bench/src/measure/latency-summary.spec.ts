import { expect, it } from 'vitest'
import { summarize } from './latency-summary.js'

it('takes quantiles by nearest rank, whatever the order', () => {
  const latencies = Array.from({ length: 200 }, (_, i) => 200 - i)
  expect(summarize(latencies)).toEqual({ p50: 100, p99: 198, max: 200 })
})

it('knows nothing about nothing', () => {
  expect(summarize([])).toEqual({ p50: NaN, p99: NaN, max: NaN })
  expect(summarize([7])).toEqual({ p50: 7, p99: 7, max: 7 })
})
