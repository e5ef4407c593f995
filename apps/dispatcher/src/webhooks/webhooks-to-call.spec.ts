import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { createSecret, parseKeyRing, sealSecret } from '#signing'
import { aWebhook } from '../../../../libs/domain/src/builders.testing.js'
import { WebhooksToCall } from './webhooks-to-call.js'

const NOW = 1_000_000
const keyRing = parseKeyRing(randomBytes(32).toString('base64'))
const unused = {} as never

it('opens the secrets that are valid, the newest first, each for the webhook that it was sealed for', () => {
  const webhooks = new WebhooksToCall({ link: () => unused } as never, unused, unused, keyRing, unused)
  const [newest, old] = [createSecret(), createSecret()]
  const { id } = aWebhook()
  const webhook = aWebhook({
    secrets: [
      { sealed: sealSecret(keyRing, newest, id), expiresAt: null },
      { sealed: sealSecret(keyRing, old, id), expiresAt: NOW },
    ],
  })
  expect(webhooks.secretsOf(webhook, NOW - 1)).toEqual([newest, old])
  expect(webhooks.secretsOf(webhook, NOW)).toEqual([newest])
  expect(() => webhooks.secretsOf({ ...webhook, id: 'whk_another' }, NOW)).toThrow()
})
