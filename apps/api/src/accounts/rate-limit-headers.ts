import type { LimitedRequest } from './rate-limits.js'

/**
 * `RateLimit` and `RateLimit-Policy` as structured fields, in the form of draft-ietf-httpapi-ratelimit-headers since
 * its version 08: a quota `q` per window `w`; `r` that is left now and the `t` in which it is whole again. Seconds.
 */
export function rateLimitHeaders({ policy, verdict }: LimitedRequest): Record<string, string> {
  return {
    'ratelimit-policy': `"${policy.name}";q=${policy.quota};w=${policy.windowSeconds}`,
    ratelimit: `"${policy.name}";r=${verdict.remaining};t=${verdict.resetSeconds}`,
  }
}
