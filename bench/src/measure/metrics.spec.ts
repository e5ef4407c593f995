import { expect, test } from 'vitest'
import { sumOf } from './metrics.js'

const metrics = `# HELP lag Records
# TYPE lag gauge
lag{service="api",topic="a"} 3
lag{service="api",topic="b"} 4
lag_total 100
`

test('adds up the series of one name, and not those of a longer one', () => {
  expect(sumOf(metrics, 'lag')).toBe(7)
  expect(sumOf(metrics, 'lag_total')).toBe(100)
})

test('a metric that is not there is an error, not a zero', () => {
  expect(() => sumOf(metrics, 'la')).toThrow('la')
})
