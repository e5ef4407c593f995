import type { EgressPolicy } from './address-policy.js'
import { checkUrl, literalAddress } from './check-url.js'

/** A URL that passed the policy, taken apart once. */
export interface Target {
  url: URL
  origin: string
  /** The name, or the address without brackets. */
  host: string
  /** Path and query, as the request line has it. */
  path: string
}

export type CheckedTarget = { ok: true; target: Target } | { ok: false; problem: string }

// Parsing and checking costs 4 µs a time, and the same few thousand webhooks are called again and again.
const MOST_KEPT = 5_000

/** Checks URLs against one policy and remembers what came of it. */
export class Targets {
  private readonly kept = new Map<string, CheckedTarget>()

  constructor(private readonly policy: EgressPolicy) {}

  of(text: string): CheckedTarget {
    const known = this.kept.get(text)
    if (known) return known
    const checked = this.check(text)
    this.kept.set(text, checked)
    const [oldest] = this.kept.keys()
    if (this.kept.size > MOST_KEPT && oldest !== undefined) this.kept.delete(oldest)
    return checked
  }

  private check(text: string): CheckedTarget {
    const checked = checkUrl(text, this.policy)
    if (!checked.ok) return checked
    const { url } = checked
    const host = literalAddress(url.hostname) ?? url.hostname
    return { ok: true, target: { url, origin: url.origin, host, path: url.pathname + url.search } }
  }
}
