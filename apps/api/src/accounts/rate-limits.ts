import { Inject, Injectable } from '@nestjs/common'
import type { ApiConfig } from '#config'
import { RateLimit, type RatePolicy, type RateVerdict } from '#domain'
import { API_CONFIG } from '../infrastructure/injection-tokens.js'
import { clientNetwork } from './client-network.js'

/** Requests of one client address without a valid key; a client that was given a wrong key stays far below it. */
const FAILED_AUTHENTICATION: RatePolicy = { name: 'failed-authentication', quota: 100, windowSeconds: 10 }

// About 200 bytes each. With fewer than that at a time asking, nobody is forgotten before its quota is full again.
const MOST_KEYS = 20_000
const MOST_NETWORKS = 20_000

export interface LimitedRequest {
  policy: RatePolicy
  verdict: RateVerdict
}

/** How much of the API one key, or one address without a key, may use of this replica. Counted in memory alone. */
@Injectable()
export class RateLimits {
  readonly #keys: RateLimit
  readonly #failures = new RateLimit(FAILED_AUTHENTICATION, MOST_NETWORKS)

  constructor(@Inject(API_CONFIG) { rateLimitPerKey }: Pick<ApiConfig, 'rateLimitPerKey'>) {
    this.#keys = new RateLimit({ name: 'key', quota: rateLimitPerKey, windowSeconds: 1 }, MOST_KEYS)
  }

  ofKey(keyId: string): LimitedRequest {
    return { policy: this.#keys.policy, verdict: this.#keys.ask(keyId, Date.now()) }
  }

  ofFailure(address: string): LimitedRequest {
    return { policy: FAILED_AUTHENTICATION, verdict: this.#failures.ask(clientNetwork(address), Date.now()) }
  }
}
