export interface SealKey {
  id: string
  key: Buffer
}

/** The keys that secrets are sealed with at rest: new ones with the newest, old ones opened with the one they name. */
export interface KeyRing {
  newest: SealKey
  /** The newest first. */
  byId: ReadonlyMap<string, SealKey>
}

// A lone key is `k1`, so that the first rotation reads `k2:<new>,k1:<old>` and still opens what was sealed before it.
const LONE_KEY_ID = 'k1'
const KEY_ID = /^[a-z0-9_-]{1,16}$/

/**
 * Reads `SECRETS_KEY`: one base64 key of 32 bytes, or `k2:<base64>,k1:<base64>` with the newest first.
 * Throws an Error that says what to do and never repeats a key.
 */
export function parseKeyRing(text: string): KeyRing {
  const parts = text.split(',').map((part) => part.trim())
  if (parts.length === 1 && parts[0] === '') {
    throw new Error('SECRETS_KEY is empty: make a key with `openssl rand -base64 32`')
  }
  const keys = parts.map((part, index) => parseKey(part, parts.length > 1, index + 1))
  const byId = new Map(keys.map((key) => [key.id, key]))
  if (byId.size < keys.length) throw new Error('SECRETS_KEY names a key id twice: give each key an id of its own')
  const [newest] = keys
  if (!newest) throw new Error('SECRETS_KEY holds no key')
  return { newest, byId }
}

function parseKey(part: string, needsId: boolean, position: number): SealKey {
  const colon = part.indexOf(':')
  const where = `SECRETS_KEY, key ${position}`
  if (colon < 0 && needsId) {
    throw new Error(`${where}: several keys need ids, newest first: k2:<base64>,k1:<base64>`)
  }
  const id = colon < 0 ? LONE_KEY_ID : part.slice(0, colon)
  if (!KEY_ID.test(id)) throw new Error(`${where}: a key id is 1 to 16 of a-z 0-9 _ -, then a colon`)
  const encoded = part.slice(colon + 1)
  const key = Buffer.from(encoded, 'base64')
  const plain = (base64: string) => base64.replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, '')
  if (key.length !== 32 || plain(key.toString('base64')) !== plain(encoded)) {
    throw new Error(`${where} is not base64 of 32 bytes: make one with \`openssl rand -base64 32\``)
  }
  return { id, key }
}
