import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

// Neither side is written down here: they are what the code registers, and what docs/operating.md names.
const ROOT = join(import.meta.dirname, '../../..')

/** In a file that imports a kind of metric, every text that begins like one is the name of one. */
const IMPORTS_METRICS = /import [^']*\b(?:Counter|Gauge|Histogram)\b[^']* from '(?:#telemetry|\.\/metrics\.js)'/

function registered(): string[] {
  const sources = ['apps', 'libs']
    .flatMap((folder) => filesOf(folder))
    .filter((file) => file.endsWith('.ts') && !/(spec|testing)\.ts$/.test(file))
    .map((file) => readFileSync(file, 'utf8'))
    .filter((text) => IMPORTS_METRICS.test(text))
  return names(sources.flatMap((text) => text.match(/(?<=['"`])webhooks_\w+/g) ?? []))
}

/** With or without its labels: `webhooks_events_accepted_total{type}`. */
function documented(): string[] {
  return names(readFileSync(join(ROOT, 'docs/operating.md'), 'utf8').match(/(?<=`)webhooks_\w+(?=[`{])/g) ?? [])
}

function filesOf(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(ROOT, folder, file))
}

function names(found: string[]): string[] {
  return [...new Set(found)].sort()
}

test('docs/operating.md names the metrics that there are, all of them and no other, each in full', () => {
  expect(registered().length).toBeGreaterThan(30)
  expect(documented()).toEqual(registered())
})
