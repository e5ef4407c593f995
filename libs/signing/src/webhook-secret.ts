import { randomBytes } from 'crypto'

const PREFIX = 'whsec_'

/** A new signing secret: `whsec_` and base64 of 32 random bytes, as libraries for Standard Webhooks expect it. */
export function createSecret(): string {
  return PREFIX + randomBytes(32).toString('base64')
}

/** Whether a text is a signing secret: `whsec_` and canonical base64 of 24 to 64 bytes. */
export function isSecret(text: string): boolean {
  if (!text.startsWith(PREFIX)) return false
  const encoded = text.slice(PREFIX.length)
  const bytes = Buffer.from(encoded, 'base64')
  // Node skips what is not base64, so only a text that comes back unchanged was base64 altogether.
  return bytes.length >= 24 && bytes.length <= 64 && bytes.toString('base64') === encoded
}

/** The bytes that key a Standard Webhooks signature. Throws for a text that is no secret, without repeating it. */
export function secretBytes(secret: string): Buffer {
  if (!isSecret(secret)) throw new TypeError('not a webhook secret: expected whsec_ and base64 of 24 to 64 bytes')
  return Buffer.from(secret.slice(PREFIX.length), 'base64')
}
