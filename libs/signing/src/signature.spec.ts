import crypto from 'crypto'
import { expect, test } from 'vitest'
import { signatureHeaders, signBody, standardSignature } from './signature.js'
import { createSecret } from './webhook-secret.js'

const secret = 'whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY='
const otherSecret = 'whsec_' + Buffer.alloc(32, 7).toString('base64')
const body = Buffer.from('{"id":"evt_abc123def456","type":"context.updated"}')

// The function of the public guide, which receivers run as it is.
function verifyWebhookSignature(payload: string, signature: string, secret: string) {
  const expectedSignature = crypto.createHmac('sha256', secret).update(payload).digest('hex')
  return crypto.timingSafeEqual(Buffer.from(signature), Buffer.from(expectedSignature))
}

test("the guide's own function verifies a signed body", () => {
  expect(verifyWebhookSignature(body.toString(), signBody(body, secret), secret)).toBe(true)
  expect(verifyWebhookSignature(body.toString() + ' ', signBody(body, secret), secret)).toBe(false)
})

test('the hex signature is what `openssl dgst -sha256 -hmac "$SECRET"` prints', () => {
  expect(signBody(body, secret)).toBe('913d6ebc8be963cec6ed04cf9bcd569dd64a24e6313dcf189c6e65be590e1b27')
})

test('signs the bytes of names in any script, not their characters', () => {
  const unicode = Buffer.from('{"name":"Ünïcødé 猫"}')
  expect(verifyWebhookSignature(unicode.toString(), signBody(unicode, secret), secret)).toBe(true)
})

test('the standard signature is keyed with the decoded secret, over id, time and body', () => {
  expect(standardSignature(secret, 'evt_abc123def456', 1705329900, body)).toBe(
    'v1,ue0gSFN7KtlffzZhEUh0YjmsiVow6vwB73eD33fsZI8=',
  )
})

test('a standard signature covers id, time and body', () => {
  const signature = standardSignature(secret, 'evt_1', 1, body)
  expect(standardSignature(secret, 'evt_2', 1, body)).not.toBe(signature)
  expect(standardSignature(secret, 'evt_1', 2, body)).not.toBe(signature)
  expect(standardSignature(secret, 'evt_1', 1, Buffer.from('{}'))).not.toBe(signature)
})

test('during a rotation the headers carry one plain signature and a standard one for each secret', () => {
  const headers = signatureHeaders({
    body,
    eventId: 'evt_1',
    timestampSeconds: 1705329900,
    primarySecret: otherSecret,
    secrets: [secret, otherSecret],
  })
  expect(headers).toEqual({
    'x-webhook-signature': signBody(body, otherSecret),
    'webhook-id': 'evt_1',
    'webhook-timestamp': '1705329900',
    'webhook-signature': [secret, otherSecret]
      .map((each) => standardSignature(each, 'evt_1', 1705329900, body))
      .join(' '),
  })
})

test('a created secret works for both signatures', () => {
  const created = createSecret()
  expect(signBody(body, created)).toMatch(/^[0-9a-f]{64}$/)
  expect(standardSignature(created, 'evt_1', 1, body)).toMatch(/^v1,[A-Za-z0-9+/]{43}=$/)
})
