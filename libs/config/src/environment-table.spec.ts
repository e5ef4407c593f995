import { expect, test } from 'vitest'
import { readApiConfig } from './api-config.js'
import { readDispatcherConfig } from './dispatcher-config.js'
import { environmentExample, environmentTable } from './environment-table.js'
import { anEnvironment } from './environment.testing.js'
import { NAMES, VARIABLES } from './variables.js'

test('the table has one row of three cells for each variable', () => {
  const rows = environmentTable().trim().split('\n').slice(2)
  expect(rows.map((row) => /^\| `(\w+)` \| (`[^|`]*`)? ?\| [^|]+ \|$/.exec(row)?.[1])).toEqual(NAMES)
})

test('the example can be loaded as it is: what has a default is set to it, the rest is commented out', () => {
  const set = environmentExample()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split('=', 2) as [string, string])
  expect(set.length).toBeGreaterThan(10)
  const example = Object.fromEntries(set)
  expect(readApiConfig(anEnvironment(example))).toEqual(readApiConfig(anEnvironment()))
  expect(readDispatcherConfig(anEnvironment(example))).toEqual(readDispatcherConfig(anEnvironment()))
  for (const name of NAMES) expect(environmentExample()).toMatch(new RegExp(`^(# )?${name}=`, 'm'))
})

test('every default can be read', () => {
  for (const name of NAMES) {
    const { fallback, parse } = VARIABLES[name] as { fallback?: string; parse(text: string): unknown }
    if (fallback !== undefined) expect(() => parse(fallback), name).not.toThrow()
  }
})

test('every variable is described in one sentence or two', () => {
  for (const name of NAMES) expect(VARIABLES[name].describe, name).toMatch(/^[A-Z].*\.$/)
})
