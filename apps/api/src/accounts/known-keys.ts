import { timingSafeEqual } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { ActiveKey } from '#postgres'
import type { CallerIdentity } from './caller.js'
import { PRODUCER_SCOPE } from './scopes.js'

/**
 * A key is found by one half of its hash and recognised by all of it, in constant time: how long a look-up takes tells
 * at most of a hash's first half, of which the other half does not follow.
 */
interface KnownKey {
  hash: Buffer
  caller: CallerIdentity
  /** The last round in which the database was heard to have it. */
  round: number
}

/** Keys that are gone through in one go, in less than a millisecond. Longer, and requests wait for it. */
const GONE_THROUGH_AT_ONCE = 5_000

/** The active keys, as far as they were read; hashes are lower-case hex. */
export class KnownKeys {
  readonly #bySelector = new Map<string, KnownKey>()
  #round = 0

  get size(): number {
    return this.#bySelector.size
  }

  ownerOf(hash: string): CallerIdentity | undefined {
    const known = this.#bySelector.get(selectorOf(hash))
    return known && timingSafeEqual(Buffer.from(hash, 'hex'), known.hash) ? known.caller : undefined
  }

  add(keys: ActiveKey[]): void {
    for (const key of keys) {
      const selector = selectorOf(key.hash)
      const hash = Buffer.from(key.hash, 'hex')
      const known = this.#bySelector.get(selector)
      // What is as it was stays the same object: a hundred thousand new ones a minute would be work for the collector.
      if (known && known.hash.equals(hash) && isOf(key, known.caller)) known.round = this.#round
      else this.#bySelector.set(selector, { hash, caller: callerFor(key), round: this.#round })
    }
  }

  remove(keys: ActiveKey[]): void {
    for (const { hash } of keys) if (this.ownerOf(hash)) this.#bySelector.delete(selectorOf(hash))
  }

  /** From here on it is noted which keys are added; a round that was not ended is as if it had not begun. */
  beginRound(): void {
    this.#round++
  }

  /** All were read: forgets what was not added since the round began. Pauses for others in between. */
  async endRound(): Promise<void> {
    let count = 0
    for (const [selector, { round }] of this.#bySelector) {
      if (round !== this.#round) this.#bySelector.delete(selector)
      if (++count % GONE_THROUGH_AT_ONCE === 0) await setImmediate()
    }
  }
}

function selectorOf(hash: string): string {
  return hash.slice(0, hash.length / 2)
}

function isOf({ id, accountId, scopes }: ActiveKey, caller: CallerIdentity): boolean {
  const isSameOwner = caller.keyId === id && caller.accountId === accountId
  return isSameOwner && caller.scopes.size === scopes.length && scopes.every((scope) => caller.scopes.has(scope))
}

function callerFor({ id, accountId, scopes }: ActiveKey): CallerIdentity {
  return { keyId: id, accountId, scopes: new Set(scopes), isProducer: scopes.includes(PRODUCER_SCOPE) }
}
