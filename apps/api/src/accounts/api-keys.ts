import { setTimeout } from 'node:timers/promises'
import { Inject, Injectable, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common'
import { ApiKeyStore } from '#postgres'
import { LOGGER, type Logger } from '#telemetry'
import { FailingLog } from '../infrastructure/failing-log.js'
import type { CallerIdentity } from './caller.js'
import { hashOfKey, isWellFormedKey } from './key-format.js'
import { KeyReader, type ReadKeyStore } from './key-reader.js'
import { KnownKeys } from './known-keys.js'

/** A new or revoked key is known everywhere within 2 s: this and the time of one query. Ms. */
const REFRESH_MS = 1_500
/** How long a row may work that was deleted or changed by hand, of which no difference tells. Ms. */
const READ_ALL_MS = 60_000
/** How exact `last_used_at` is; shorter costs a write per key and interval. Ms. */
const TOUCH_MS = 10_000

/** With Postgres away nobody waits longer than this for a no. Ms. */
const LONGEST_LOOK_MS = 1_000

type KeyStore = ReadKeyStore & Pick<ApiKeyStore, 'touch'>

/**
 * All active keys in memory, so that no request waits for Postgres and none fails while it is away: the keys of the
 * last refresh stay. A refresh asks for what changed, and once a minute for everything, page by page.
 */
@Injectable()
export class ApiKeys implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #known = new KnownKeys()
  readonly #reader: KeyReader
  readonly #refreshes: FailingLog
  readonly #looks: FailingLog
  readonly #touches: FailingLog
  #used = new Set<string>()
  #timers: NodeJS.Timeout[] = []
  #isStopped = false
  #readingChanges: Promise<void> | undefined
  #readingAll: Promise<void> | undefined
  #allReadAt: number | undefined

  constructor(
    @Inject(ApiKeyStore) private readonly store: KeyStore,
    @Inject(LOGGER) logger: Pick<Logger, 'info' | 'warn' | 'error'>,
  ) {
    this.#reader = new KeyReader(store, this.#known)
    const stale = 'API keys could not be refreshed; the last ones stay valid'
    this.#refreshes = new FailingLog(logger, 'warn', stale, 'API keys are fresh again')
    const unsought = 'unknown API keys could not be looked for'
    this.#looks = new FailingLog(logger, 'warn', unsought, 'unknown API keys are looked for again')
    const unnoted = 'the last use of API keys could not be noted; trying again'
    this.#touches = new FailingLog(logger, 'warn', unnoted, 'the last use of API keys is noted again')
  }

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
    this.#isStopped = true
    this.#reader.stop()
    await Promise.allSettled([this.#readingChanges, this.#readingAll])
    await this.#touchUsed()
  }

  /** Whether the database has told of all keys once; before it, nobody can be told right from wrong. */
  get isLoaded(): boolean {
    return this.#allReadAt !== undefined
  }

  /** The owner of a key, or undefined for one that is malformed, unknown or revoked. */
  identify(key: string): CallerIdentity | undefined {
    if (!isWellFormedKey(key)) return undefined
    const caller = this.#known.ownerOf(hashOfKey(key))
    if (caller) this.#used.add(caller.keyId)
    return caller
  }

  /**
   * For a key that is not known yet: it may have been made a moment ago, and whoever made it tries it at once. It is
   * looked for alone, so that guessers and forgotten integrations cost no more than that.
   */
  async identifyNew(key: string): Promise<CallerIdentity | undefined> {
    if (!isWellFormedKey(key)) return undefined
    await Promise.race([this.#lookFor(hashOfKey(key)), setTimeout(LONGEST_LOOK_MS)])
    return this.identify(key)
  }

  async #lookFor(hash: string): Promise<void> {
    try {
      await this.#reader.lookFor(hash)
      this.#looks.succeeded()
    } catch (error) {
      this.#looks.failed(error)
    }
  }

  /** Never rejects: what fails is logged once and tried again at the next interval. */
  async refresh(): Promise<void> {
    try {
      this.#readingChanges ??= this.#reader.readChanges().finally(() => (this.#readingChanges = undefined))
      await this.#readingChanges
      // The next interval does not wait for it: a revoked key is refused in time also while this takes long.
      if (!this.#isStopped && this.#mustReadAll())
        await (this.#readingAll ??= this.#readAll().finally(() => (this.#readingAll = undefined)))
      this.#refreshes.succeeded({ keys: this.#known.size })
    } catch (error) {
      this.#refreshes.failed(error)
    }
  }

  /** Also after every failure: Postgres may have come back as a standby that lacks what was committed last. */
  #mustReadAll(): boolean {
    if (this.#allReadAt === undefined || this.#refreshes.isFailing) return true
    return performance.now() - this.#allReadAt >= READ_ALL_MS
  }

  async #readAll(): Promise<void> {
    await this.#reader.readAll()
    this.#allReadAt = performance.now()
  }

  async #touchUsed(): Promise<void> {
    const used = this.#used
    if (used.size === 0) return
    this.#used = new Set()
    try {
      await this.store.touch([...used], new Date())
      this.#touches.succeeded()
    } catch (error) {
      this.#touches.failed(error)
      // Whoever was used meanwhile is noted when it works again.
      for (const id of used) this.#used.add(id)
    }
  }
}
