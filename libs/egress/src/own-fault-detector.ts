import { isIP } from 'node:net'

/** Something that is ours when it meets everybody, and the receiver's when it meets one. */
export type SharedCause = 'resolver' | 'network'

const UNRELATED_HOSTS = 5
const WINDOW_MS = 10_000
/** So long a family is remembered for failing on both sides of somebody else's success. */
const KNOWN_MS = 600_000
/** And so long after the last success of anybody it counts: beyond that nobody knows whether it is everybody. */
const WORKING_MS = 60_000
/** Beyond that those that failed longest ago are forgotten; each is some 100 bytes. */
const MOST_FAMILIES = 10_000

interface Failure {
  at: number
  /** It failed before a success of somebody else as well. */
  isKnown: boolean
}

/**
 * Decides whose fault a DNS time-out or an unreachable network is: ours, when five unrelated hosts met it within 10 s
 * with no success in between. What failed before somebody else's success and fails after it is broken by itself, and
 * says nothing of us while others succeed: else whoever owns five such names would have deliveries that never end. Pure:
 * times are passed in, monotonic ms.
 */
export class OwnFaultDetector {
  /** By family, in the order of time, since the last success of anybody. */
  private readonly suspicious = perCause(() => new Map<string, number>())
  /** By family, in the order of time, since its own last success. */
  private readonly failures = perCause(() => new Map<string, Failure>())
  private readonly lastSuccess = perCause(() => -Infinity)

  /** Notes a failure and answers whether it is our own. */
  observe(cause: SharedCause, host: string, now: number): boolean {
    const family = familyOf(host)
    const seen = this.suspicious[cause]
    seen.delete(family)
    if (this.noteFailure(cause, family, now)) return false
    seen.set(family, now)
    for (const [old, at] of seen) {
      if (now - at <= WINDOW_MS) break
      seen.delete(old)
    }
    return seen.size >= UNRELATED_HOSTS
  }

  /** The resolver answered for the host, or it was reached: what failed before was not ours. */
  succeeded(cause: SharedCause, host: string, now: number): void {
    this.suspicious[cause].clear()
    this.lastSuccess[cause] = now
    const failures = this.failures[cause]
    if (failures.size > 0) failures.delete(familyOf(host))
  }

  private noteFailure(cause: SharedCause, family: string, now: number): boolean {
    const failures = this.failures[cause]
    const before = failures.get(family)
    const isRecent = before !== undefined && now - before.at <= KNOWN_MS
    const isKnown = isRecent && (before.isKnown || before.at < this.lastSuccess[cause])
    failures.delete(family)
    failures.set(family, { at: now, isKnown })
    const [oldest] = failures.keys()
    if (failures.size > MOST_FAMILIES && oldest !== undefined) failures.delete(oldest)
    return isKnown && now - this.lastSuccess[cause] <= WORKING_MS
  }
}

function perCause<T>(make: () => T): Record<SharedCause, T> {
  return { resolver: make(), network: make() }
}

/** `co.uk` and `com.au` are shared by strangers. One that is missing makes a country's hosts one family: less is ours. */
const registries = new Set(['ac', 'co', 'com', 'edu', 'gob', 'gov', 'gv', 'ne', 'net', 'nom', 'or', 'org'])

/**
 * What hosts of one owner have in common, roughly: the registrable domain or the network. One owner's many dead host
 * names must not look like an outage of ours.
 */
export function familyOf(host: string): string {
  const version = isIP(host)
  if (version === 4) return host.split('.').slice(0, 2).join('.')
  if (version === 6) return host.split(':').slice(0, 2).join(':')
  const labels = host.replace(/\.$/, '').split('.')
  const [registry = '', country = ''] = labels.slice(-2)
  const isSharedSuffix = country.length === 2 && registries.has(registry)
  return labels.slice(isSharedSuffix ? -3 : -2).join('.')
}
