import { timingSafeEqual } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common'
import { type ActiveKey, ApiKeyStore } from '#postgres'
import { LOGGER, type Logger } from '#telemetry'
import type { CallerIdentity } from './caller.js'
import { hashOfKey, isWellFormedKey } from './key-format.js'
import { PRODUCER_SCOPE } from './scopes.js'

/** A new or revoked key is known everywhere within 2 s: this and the time of one query. Ms. */
const REFRESH_MS = 1_500
/** How exact `last_used_at` is; shorter costs a write per key and interval. Ms. */
const TOUCH_MS = 10_000

/** With Postgres away nobody waits longer than this for a no. Ms. */
const LONGEST_LOOK_MS = 1_000

/**
 * A key is found by one half of its hash and recognised by all of it, in constant time: how long a look-up takes tells
 * at most of a hash's first half, of which the other half does not follow.
 */
interface KnownKey {
  hash: Buffer
  caller: CallerIdentity
}

type KeyStore = Pick<ApiKeyStore, 'activeKeys' | 'touch'>

/**
 * All active keys in memory, so that no request waits for Postgres and none fails while it is away: the keys of the
 * last refresh stay. Ten thousand keys cost a few milliseconds per refresh; far beyond that, refresh by difference.
 */
@Injectable()
export class ApiKeys implements OnApplicationBootstrap, OnApplicationShutdown {
  #bySelector: Map<string, KnownKey> | undefined
  #used = new Set<string>()
  #timers: NodeJS.Timeout[] = []
  #refreshing: Promise<void> | undefined
  #isStale = false

  constructor(
    @Inject(ApiKeyStore) private readonly store: KeyStore,
    @Inject(LOGGER) private readonly logger: Pick<Logger, 'info' | 'warn'>,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.#timers = [
      setInterval(() => void this.refresh(), REFRESH_MS),
      setInterval(() => void this.#touchUsed(), TOUCH_MS),
    ]
    for (const timer of this.#timers) timer.unref()
    await this.refresh()
  }

  async onApplicationShutdown(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    await this.#refreshing
    await this.#touchUsed()
  }

  /** Whether there has been any answer from the database; before it, nobody can be told right from wrong. */
  get isLoaded(): boolean {
    return this.#bySelector !== undefined
  }

  /** The owner of a key, or undefined for one that is malformed, unknown or revoked. */
  identify(key: string): CallerIdentity | undefined {
    if (!isWellFormedKey(key)) return undefined
    const hash = Buffer.from(hashOfKey(key), 'hex')
    const known = this.#bySelector?.get(selectorOf(hash))
    if (!known || !timingSafeEqual(hash, known.hash)) return undefined
    this.#used.add(known.caller.keyId)
    return known.caller
  }

  /**
   * For a key that is not known yet: it may have been made a moment ago, and whoever made it tries it at once. All who
   * ask at the same time share one query, so that guessers cost no more than that.
   */
  async identifyNew(key: string): Promise<CallerIdentity | undefined> {
    if (!isWellFormedKey(key)) return undefined
    await Promise.race([this.#refreshAnew(), setTimeout(LONGEST_LOOK_MS)])
    return this.identify(key)
  }

  /** Behind one that is under way: that may have been sent before the key was made. */
  async #refreshAnew(): Promise<void> {
    await this.#refreshing
    await this.refresh()
  }

  /** Never rejects: what fails is logged once and tried again at the next interval. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#load().finally(() => (this.#refreshing = undefined))
    return this.#refreshing
  }

  async #load(): Promise<void> {
    try {
      const keys = await this.store.activeKeys()
      this.#bySelector = new Map(keys.map((key) => knownKey(key)))
      if (this.#isStale) this.logger.info({ keys: keys.length }, 'API keys are fresh again')
      this.#isStale = false
    } catch (error) {
      if (!this.#isStale) this.logger.warn({ err: error }, 'API keys could not be refreshed; the last ones stay valid')
      this.#isStale = true
    }
  }

  async #touchUsed(): Promise<void> {
    const used = this.#used
    if (used.size === 0) return
    this.#used = new Set()
    try {
      await this.store.touch([...used], new Date())
    } catch {
      // Postgres is away, which #load reports. Whoever was used meanwhile is noted when it is back.
      for (const id of used) this.#used.add(id)
    }
  }
}

function knownKey({ hash: hex, ...key }: ActiveKey): [selector: string, KnownKey] {
  const hash = Buffer.from(hex, 'hex')
  return [selectorOf(hash), { hash, caller: callerFor(key) }]
}

function selectorOf(hash: Buffer): string {
  return hash.toString('latin1', 0, hash.length / 2)
}

function callerFor(key: { id: string; accountId: string | null; scopes: string[] }): CallerIdentity {
  return {
    keyId: key.id,
    accountId: key.accountId,
    scopes: new Set(key.scopes),
    isProducer: key.scopes.includes(PRODUCER_SCOPE),
  }
}
