import { BoundedMap } from './bounded-map.js'
import { TokenBucket } from './token-bucket.js'

/** So many requests may come at once, and after that as many per window, spread over it. */
export interface RatePolicy {
  /** What a caller is told that it ran into. */
  name: string
  quota: number
  windowSeconds: number
}

/** What became of one request under a policy. */
export interface RateVerdict {
  isAllowed: boolean
  /** How many more could come right now. */
  remaining: number
  /** How long until the whole quota is there again, rounded up; at least 1. */
  resetSeconds: number
  /** How long until the next one is allowed, rounded up; at least 1. */
  retryAfterSeconds: number
}

/**
 * One policy for many callers, each with a bucket of its own. Remembers `mostCallers`, those who came last: whoever is
 * forgotten begins anew with a full quota, so a bound that is too small makes the limit weaker, never stricter.
 */
export class RateLimit {
  /** In the order of their last request, the latest at the end. */
  readonly #buckets: BoundedMap<string, TokenBucket>
  readonly #perSecond: number

  constructor(
    readonly policy: RatePolicy,
    mostCallers: number,
  ) {
    this.#buckets = new BoundedMap(mostCallers)
    this.#perSecond = policy.quota / policy.windowSeconds
  }

  /** Counts one request of `caller`. @param now ms since the epoch */
  ask(caller: string, now: number): RateVerdict {
    const bucket = this.#bucketOf(caller, now)
    const isAllowed = bucket.take(1, now) === 1
    return {
      isAllowed,
      remaining: bucket.available(now),
      resetSeconds: inSeconds(bucket.waitMs(this.policy.quota, now)),
      retryAfterSeconds: inSeconds(bucket.waitMs(1, now)),
    }
  }

  get callers(): number {
    return this.#buckets.size
  }

  #bucketOf(caller: string, now: number): TokenBucket {
    const known = this.#buckets.get(caller)
    const bucket = known ?? new TokenBucket(this.#perSecond, this.policy.quota, now)
    this.#buckets.set(caller, bucket)
    return bucket
  }
}

function inSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1_000))
}
