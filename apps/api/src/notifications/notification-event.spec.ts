import { expect, it } from 'vitest'
import { eventIdForNotification } from '#domain'
import type { Notification } from '#postgres'
import { notificationEvent } from './notification-event.js'

const AT = new Date('2024-01-15T14:45:00.000Z')
const SINCE = AT.getTime() - 60_000

const aNotification = (change: Partial<Notification> = {}): Notification => ({
  id: '7',
  kind: 'disabled',
  accountId: 'acc_1',
  webhookId: 'whk_1',
  evidence: {
    webhook: { name: 'My Webhook', url: 'https://example.com/webhook' },
    reason: 'failing',
    streak: { failures: 12, since: SINCE, lastFailureAt: SINCE + 1, lastFailure: 'It answered 500.' },
  },
  createdAt: AT,
  ...change,
})

it('tells of the webhook as it was when it happened, and names it beside the body', () => {
  const id = eventIdForNotification('acc_1', '7', AT.getTime())
  expect(notificationEvent(aNotification())).toEqual({
    id,
    accountId: 'acc_1',
    type: 'webhook.disabled',
    aboutWebhookId: 'whk_1',
    body:
      `{"id":"${id}","type":"webhook.disabled","created_at":"2024-01-15T14:45:00.000Z","data":{"webhook":` +
      '{"id":"whk_1","name":"My Webhook","url":"https://example.com/webhook","state":"disabled","reason":"failing",' +
      '"failing_since":"2024-01-15T14:44:00.000Z"}}}',
  })
})

it('is the same each time that it is made', () => {
  expect(notificationEvent(aNotification())).toEqual(notificationEvent(aNotification()))
})

it('knows of no streak where the owner did it', () => {
  const evidence = { ...aNotification().evidence, reason: 'owner' as const, streak: null }
  const { webhook } = JSON.parse(String(notificationEvent(aNotification({ evidence })).body)).data
  expect(webhook).toMatchObject({ reason: 'owner', failing_since: null })
})
