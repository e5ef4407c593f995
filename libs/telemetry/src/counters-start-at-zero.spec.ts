import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Registry } from './metrics.js'

// Of a counter with labels nothing is shown before its first event: an alert on its increase would miss the first fault.
const APPS = join(import.meta.dirname, '../../../apps')
const files = readdirSync(APPS, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('-metrics.ts'))

test('each service has metrics', () => {
  expect([...new Set(files.map((file) => file.split('/')[0]))].sort()).toEqual(['api', 'dispatcher', 'fanout'])
})

test.each(files)('each counter of %s has samples before anything has happened', async (file) => {
  const registry = new Registry()
  const exported = Object.values(
    (await import(join(APPS, file))) as Record<string, new (registry: Registry) => unknown>,
  )
  for (const Metrics of exported.filter(({ name }) => name.endsWith('Metrics'))) new Metrics(registry)

  const all = await registry.getMetricsAsJSON()
  expect(all).not.toEqual([])
  // The type is a word here, whatever prom-client's declarations say.
  const counters = all.filter(({ type }) => String(type) === 'counter')
  expect(counters.filter(({ values }) => values.length === 0).map(({ name }) => name)).toEqual([])
})
