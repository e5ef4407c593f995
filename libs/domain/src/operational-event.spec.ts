import { expect, test } from 'vitest'
import { operationalEventTypes } from './event-type.js'
import {
  type WebhookChanged,
  operationalEvent,
  operationalEventBody,
  sampleOperationalEvent,
} from './operational-event.js'

const AT = Date.parse('2024-01-15T14:45:00.000Z')
const aChange = (change: Partial<WebhookChanged> = {}): WebhookChanged => ({
  change: 'disabled',
  at: AT,
  webhook: { id: 'whk_1', name: 'My Webhook', url: 'https://example.com/webhook' },
  reason: 'failing',
  failingSince: AT - 60_000,
  ...change,
})

test('the body has exactly these keys, in this order', () => {
  const { data, type, created_at, id } = operationalEvent('evt_1', aChange())
  const { failing_since, reason, state, url, name, id: webhookId } = data.webhook
  const shuffled = { failing_since, reason, state, url, name, id: webhookId, secret: 'x' }
  expect(operationalEventBody({ data: { webhook: shuffled }, created_at, type, id })).toBe(
    '{"id":"evt_1","type":"webhook.disabled","created_at":"2024-01-15T14:45:00.000Z","data":{"webhook":' +
      '{"id":"whk_1","name":"My Webhook","url":"https://example.com/webhook","state":"disabled","reason":"failing",' +
      '"failing_since":"2024-01-15T14:44:00.000Z"}}}',
  )
})

const told = (change: Partial<WebhookChanged>) => operationalEvent('evt_1', aChange(change)).data.webhook

test('a webhook is shown as it is after the change', () => {
  const since = '2024-01-15T14:44:00.000Z'
  expect(told({ change: 'failing', reason: null })).toMatchObject({
    state: 'failing',
    reason: null,
    failing_since: since,
  })
  expect(told({ reason: 'gone' })).toMatchObject({ state: 'disabled', reason: 'gone', failing_since: since })
  expect(told({ reason: 'owner', failingSince: null })).toMatchObject({ reason: 'owner', failing_since: null })
})

test('one that is enabled again shows nothing of why it was not', () => {
  expect(told({ change: 'enabled' })).toMatchObject({ state: 'active', reason: null, failing_since: null })
})

test.each(operationalEventTypes)('the sample of %s is what a real change would say', (type) => {
  const sample = sampleOperationalEvent(type, 'evt_sample', new Date(AT))
  expect(sample).toMatchObject({ id: 'evt_sample', type, created_at: '2024-01-15T14:45:00.000Z' })
  expect(`webhook.${sample.data.webhook.state.replace('active', 'enabled')}`).toBe(type)
})
