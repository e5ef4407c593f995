import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { readApiConfig, readDispatcherConfig } from '#config'
import { MAX_EVENT_BODY_BYTES, type OperationalEvent, formatDuration, isEventType, operationalEventBody } from '#domain'
import { codeBlock } from './support/snippets.js'
import { standIn } from './support/service-environments.js'

// The page is a promise to customers: each number in it must be the one that the code has when nothing is configured.
const page = readFileSync('docs/receivers.md', 'utf8').replace(/\s+/g, ' ')
const needed = {
  KAFKA_BROKERS: 'kafka:9092',
  DATABASE_URL: standIn('DATABASE_URL'),
  SECRETS_KEY: standIn('SECRETS_KEY'),
}
const { topics, egress, attemptTimeoutMs, disable } = readDispatcherConfig(needed)

test('its table of retries is the default schedule', () => {
  let sinceFirst = 0
  for (const [index, delay] of topics.schedule.delays.entries()) {
    sinceFirst += delay
    const cells = [index + 1, forPeople(delay), forPeople(sinceFirst)].map((cell) => ` *${cell} *`)
    expect(page).toMatch(new RegExp(`\\|${cells.join('\\|')}\\|`))
  }
  expect(page).toContain(`up to ${forPeople(topics.schedule.delays.at(-1)!)}`)
})

test('its limits are the defaults', () => {
  expect(page).toContain(`An attempt has ${attemptTimeoutMs / 1_000} seconds in all`)
  expect(page).toContain(
    `at least ${disable.afterAttempts} failures in a row _and_ ${disable.afterMs / 3_600_000} hours`,
  )
  expect(page).toContain(`nothing at all for more than ${topics.deliveryMaxAgeMs / 3_600_000} hours`)
  expect(page).toContain(`never larger than ${MAX_EVENT_BODY_BYTES / 1_024} KiB`)
})

test('its ports and schemes are those that may be registered', () => {
  expect(page).toContain(`Ports ${egress.allowedPorts.replace(',', ' and ').replace('-', '–')}.`)
  expect(egress.allowHttp).toBe(false)
  expect(readApiConfig(needed).egress).toMatchObject({ allowedPorts: egress.allowedPorts, allowHttp: false })
})

test('its event about a webhook is what we would send', () => {
  const example = JSON.parse(codeBlock('docs/receivers.md', 'json operational')) as OperationalEvent
  expect(operationalEventBody(example)).toBe(JSON.stringify(example))
  expect(isEventType(example.type)).toBe(true)
})

test('it shows the user agent of this release, and the dispatcher sends it', () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  expect(page).toContain(`User-Agent: ContextFile-Webhooks/${version} `)
  const dispatcher = readFileSync('apps/dispatcher/src/attempts/attempt-delivery.ts', 'utf8')
  expect(dispatcher).toContain(`'ContextFile-Webhooks/${version}'`)
})

/** `3h36m` as the page writes it: `3 h 36 min`. */
function forPeople(ms: number): string {
  return formatDuration(ms)
    .replace(/(\d)([a-z]+)/g, '$1 $2 ')
    .replace(/ m /g, ' min ')
    .trim()
}
