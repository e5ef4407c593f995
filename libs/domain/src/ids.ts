import { createHash, randomBytes } from 'node:crypto'

export type IdPrefix = 'evt' | 'whk' | 'dlv' | 'atm' | 'rpl' | 'acc' | 'key'

/** A fresh id such as `whk_9f86d081884c7d659a2feaa0c55ad015`: 128 random bits, so no writer needs to ask another. */
export function newId(prefix: IdPrefix): string {
  return `${prefix}_${random128Bits()}`
}

/** Random bytes are fetched for many ids at once: one fetch costs as much for 4,096 as for 16. */
const POOL_BYTES = 4_096
const ID_BYTES = 16
let pool = Buffer.alloc(0)
let used = 0

function random128Bits(): string {
  if (used >= pool.length) {
    pool = randomBytes(POOL_BYTES)
    used = 0
  }
  used += ID_BYTES
  return pool.toString('hex', used - ID_BYTES, used)
}

/**
 * A delivery's id is derived from its event and webhook: when fan-out runs a second time over the same event it
 * writes the same ids, and everything behind it can recognise the repeat.
 */
export function deliveryIdFor(eventId: string, webhookId: string): string {
  return derivedId('dlv', eventId, webhookId)
}

/** The event id that an `Idempotency-Key` stands for; per account, since keys of two accounts are unrelated. */
export function eventIdForIdempotencyKey(accountId: string, key: string): string {
  return derivedId('evt', accountId, key)
}

/**
 * The id of the event that a notification leads to: told twice, it is the same event. Numbers of notifications begin
 * again with a new database, their times do not. `createdAt` in ms since the epoch.
 */
export function eventIdForNotification(accountId: string, notificationId: string, createdAt: number): string {
  return derivedId('evt', 'notification', accountId, notificationId, String(createdAt))
}

function derivedId(prefix: IdPrefix, ...parts: string[]): string {
  // The separator keeps ('ab','c') and ('a','bc') apart.
  return `${prefix}_${createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 32)}`
}
