import { expect, it } from 'vitest'
import { createRegistry } from '#telemetry'
import { AccountingMetrics } from './accounting-metrics.js'

const ACCOUNTS = { asOf: 1_700_000_000_000, waiting: [3, 0, 0, 0, 0, 1], overdue: 2, notFannedOut: 0 }

it('says nothing before the first look, and then what was found', async () => {
  const registry = createRegistry('test')
  const metrics = new AccountingMetrics(registry)
  const samples = async () => (await registry.metrics()).split('\n').filter((line) => /^webhooks_/.test(line))

  expect(await samples()).toEqual([])

  metrics.show(ACCOUNTS)

  expect((await samples()).map((line) => line.replace('service="test"', '').replace(/,?\}/, '}'))).toEqual([
    'webhooks_deliveries_overdue{} 2',
    'webhooks_events_not_fanned_out{} 0',
    'webhooks_accounting_timestamp_seconds{} 1700000000',
    'webhooks_deliveries_waiting{age="<60s"} 3',
    'webhooks_deliveries_waiting{age="<600s"} 0',
    'webhooks_deliveries_waiting{age="<3600s"} 0',
    'webhooks_deliveries_waiting{age="<21600s"} 0',
    'webhooks_deliveries_waiting{age="<86400s"} 0',
    'webhooks_deliveries_waiting{age=">=86400s"} 1',
  ])
})
