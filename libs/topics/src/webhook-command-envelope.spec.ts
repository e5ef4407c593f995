import { expect, test } from 'vitest'
import type { WebhookCommand } from '#domain'
import { UndecodableRecord } from './message.js'
import { received } from './received.testing.js'
import { decodeWebhookCommand, encodeWebhookCommand } from './webhook-command-envelope.js'

const command: WebhookCommand = {
  kind: 'disable_webhook',
  webhookId: 'whk_1',
  accountId: 'acc_1',
  version: 3,
  reason: 'failing',
  at: 1_705_351_500_000,
  evidence: {
    failures: 10,
    since: 1_705_329_900_000,
    lastFailureAt: 1_705_351_500_000,
    lastFailure: 'Your receiver answered 500; only a 2xx answer counts as delivered.',
    lastStatus: 500,
    deliveryId: 'dlv_1',
    eventId: 'evt_1',
  },
}

test('a command comes back as it went in, keyed by its webhook so that commands for one stay in order', () => {
  const message = encodeWebhookCommand('webhook-commands', command)
  expect(message).toMatchObject({ topic: 'webhook-commands', key: 'whk_1' })
  expect(decodeWebhookCommand(received(message))).toEqual(command)
})

test.each([
  ['nothing', null],
  ['no JSON', 'disable_webhook'],
  ['no kind', '{}'],
  ['an unknown kind', '{"kind":"delete_webhook"}'],
])('a record that holds %s is undecodable', (_, value) => {
  const message = received({ topic: 'webhook-commands', key: 'whk_1', value, headers: {} })
  expect(() => decodeWebhookCommand(message)).toThrow(UndecodableRecord)
})
