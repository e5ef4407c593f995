import { createHmac } from 'crypto'
import { secretBytes } from './webhook-secret.js'

/**
 * The value of `X-Webhook-Signature`: lower-case hex of HMAC-SHA256 over the body's bytes.
 * The key is the whole secret text, `whsec_` included, because that is what receivers paste into the guide's snippet.
 */
export function signBody(body: Buffer, secret: string): string {
  return createHmac('sha256', secret).update(body).digest('hex')
}

/** One `v1,<base64>` of Standard Webhooks: over `id.timestamp.body`, keyed with the bytes behind `whsec_`. */
export function standardSignature(secret: string, id: string, timestampSeconds: number, body: Buffer): string {
  const hmac = createHmac('sha256', secretBytes(secret))
  return `v1,${hmac.update(`${id}.${timestampSeconds}.`).update(body).digest('base64')}`
}

export interface SignatureInput {
  /** Exactly the bytes that will be sent. */
  body: Buffer
  eventId: string
  /** Unix time of this attempt, whole seconds: receivers refuse old ones to stop replays. */
  timestampSeconds: number
  /** The secret of `X-Webhook-Signature`, which has room for one only. */
  primarySecret: string
  /** Every secret that is valid now; `webhook-signature` lists one signature for each. */
  secrets: readonly string[]
}

/** The headers that let a receiver verify one attempt, in lower case. */
export function signatureHeaders(input: SignatureInput): Record<string, string> {
  const { body, eventId, timestampSeconds, primarySecret, secrets } = input
  return {
    'x-webhook-signature': signBody(body, primarySecret),
    'webhook-id': eventId,
    'webhook-timestamp': String(timestampSeconds),
    'webhook-signature': secrets.map((secret) => standardSignature(secret, eventId, timestampSeconds, body)).join(' '),
  }
}
