import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { signatureHeaders } from '#signing'
import { shownRequestHeaders, shownResponseHeaders } from './shown-headers.js'

test('of our signatures enough is shown to compare them, and too little to send them', () => {
  const secrets = [secretOf('1'), secretOf('2')]
  const body = Buffer.from('{}')
  const sent: Record<string, string> = {
    'content-type': 'application/json',
    ...signatureHeaders({
      body,
      eventId: 'evt_1',
      timestampSeconds: 1_700_000_000,
      primarySecret: secrets[0]!,
      secrets,
    }),
  }

  const shown = shownRequestHeaders(sent)

  const hex = createHmac('sha256', secrets[0]!).update(body).digest('hex')
  expect(shown['x-webhook-signature']).toBe(`${hex.slice(0, 8)}…`)
  expect(shown['webhook-signature']).toMatch(/^v1,[\w+/]{8}… v1,[\w+/]{8}…$/)
  expect(shown).toMatchObject({ 'content-type': 'application/json', 'webhook-id': 'evt_1' })
  expect(sent['x-webhook-signature'], 'what is sent stays whole').toBe(hex)
})

test.each([
  'set-cookie',
  'Set-Cookie',
  'cookie',
  'authorization',
  'proxy-authorization',
  'authentication-info',
  'x-auth-token',
  'x-authtoken',
  'x-authorization',
  'x-auth-key',
  'sessionid',
  'x-amz-security-token',
  'x-api-key',
  'apikey',
  'x-client-secret',
  'x-session-id',
  'x-password',
])('a receiver’s %s is not kept', (name) => {
  expect(shownResponseHeaders({ [name]: 'top secret' })).toEqual({ [name]: '[redacted]' })
})

test.each([
  'content-type',
  'retry-after',
  'location',
  'server',
  'www-authenticate',
  'x-request-id',
  'idempotency-key',
  'etag',
  'x-tokenizer',
])('a receiver’s %s helps to find out what happened, and is kept', (name) => {
  expect(shownResponseHeaders({ [name]: 'as it is' })).toEqual({ [name]: 'as it is' })
})

function secretOf(digit: string): string {
  return `whsec_${Buffer.from(digit.repeat(32)).toString('base64')}`
}
