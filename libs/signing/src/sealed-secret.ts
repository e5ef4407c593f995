import { createCipheriv, createDecipheriv, randomBytes } from 'crypto'
import type { KeyRing } from './key-ring.js'

// 96 random bits per seal: safe for some 2^32 seals under one key, far beyond the number of webhooks.
const IV_BYTES = 12
const TAG_BYTES = 16

/** The row was sealed with a key that SECRETS_KEY no longer holds. */
export class UnknownSealKeyError extends Error {
  override readonly name = 'UnknownSealKeyError'
  constructor(readonly keyId: string) {
    super(`sealed with key "${keyId}", which SECRETS_KEY does not hold: add it behind the newest key`)
  }
}

/** The text is no seal, was changed, belongs to another row, or its key's bytes were replaced under the same id. */
export class BrokenSealError extends Error {
  override readonly name = 'BrokenSealError'
}

/**
 * Seals a text with AES-256-GCM under the newest key: `v1.<key id>.<iv>.<ciphertext and tag>`, base64url.
 * The associated data (the row's id) is not stored but must be given again to open it, so that nobody who can
 * write the table can give one webhook another's secret.
 */
export function sealSecret(ring: KeyRing, plaintext: string, associatedData: string): string {
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv('aes-256-gcm', ring.newest.key, iv).setAAD(Buffer.from(associatedData))
  const sealed = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final(), cipher.getAuthTag()])
  return ['v1', ring.newest.id, iv.toString('base64url'), sealed.toString('base64url')].join('.')
}

/** Opens what `sealSecret` sealed. Throws UnknownSealKeyError or BrokenSealError; neither message holds content. */
export function openSecret(ring: KeyRing, sealed: string, associatedData: string): string {
  const [version, keyId, ivText, contentText, ...rest] = sealed.split('.')
  if (version !== 'v1' || !keyId || !ivText || !contentText || rest.length > 0) {
    throw new BrokenSealError('not a sealed secret: expected v1.<key id>.<iv>.<content>')
  }
  const key = ring.byId.get(keyId)
  if (!key) throw new UnknownSealKeyError(keyId)
  const iv = Buffer.from(ivText, 'base64url')
  const content = Buffer.from(contentText, 'base64url')
  if (iv.length !== IV_BYTES || content.length < TAG_BYTES) throw new BrokenSealError('a sealed secret was cut short')
  const decipher = createDecipheriv('aes-256-gcm', key.key, iv, { authTagLength: TAG_BYTES })
  decipher.setAAD(Buffer.from(associatedData)).setAuthTag(content.subarray(-TAG_BYTES))
  const opened = decipher.update(content.subarray(0, -TAG_BYTES))
  try {
    return Buffer.concat([opened, decipher.final()]).toString('utf8')
  } catch (cause) {
    throw new BrokenSealError(`a secret sealed with key "${keyId}" is not authentic for this row`, { cause })
  }
}
