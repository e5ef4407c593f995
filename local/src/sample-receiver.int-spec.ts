import { createHmac } from 'node:crypto'
import { request } from 'node:https'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { issueCertificate, makeAuthority } from './certificates.js'
import type { SeenDelivery } from './delivery-line.js'
import { freePort } from './free-port.js'
import { SampleReceiver } from './sample-receiver.js'

const secret = 'whsec_c2VjcmV0'
const body = '{"id":"evt_abc123def456","type":"context.updated"}'
const seen: SeenDelivery[] = []
let authority: { key: string; cert: string }
let receiver: SampleReceiver

beforeAll(async () => {
  authority = await makeAuthority()
  const certificate = await issueCertificate(authority, ['localhost', '127.0.0.1'])
  receiver = await SampleReceiver.start({ port: await freePort(), certificate, onDelivery: (it) => seen.push(it) })
  receiver.secret = secret
})

afterAll(() => receiver.stop())

it('accepts what is signed with the webhook’s secret', async () => {
  expect(await post(receiver.url, sign(body))).toBe(200)
  expect(seen.at(-1)).toMatchObject({ eventId: 'evt_abc123def456', type: 'context.updated', verified: true })
})

it.each([
  ['another body', sign(`${body} `)],
  ['nothing', ''],
  ['something that is no signature', 'ü'.repeat(64)],
])('answers 401 to the signature of %s', async (_, signature) => {
  expect(await post(receiver.url, Buffer.from(signature).toString('latin1'))).toBe(401)
  expect(seen.at(-1)).toMatchObject({ verified: false })
})

it('shows what another webhook sends, unchecked', async () => {
  expect(await post(receiver.anotherUrl, 'unknown')).toBe(200)
  expect(seen.at(-1)?.verified).toBeUndefined()
})

function sign(text: string): string {
  return createHmac('sha256', secret).update(text).digest('hex')
}

function post(url: string, signature: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const headers = { 'x-webhook-signature': signature, 'x-webhook-attempt': '1' }
    const sending = request(url, { method: 'POST', ca: authority.cert, headers, agent: false }, (answer) => {
      answer.resume()
      resolve(answer.statusCode)
    })
    sending.on('error', reject)
    sending.end(body)
  })
}
