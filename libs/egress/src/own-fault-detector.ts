import { isIP } from 'node:net'

/** Something that is ours when it meets everybody, and the receiver's when it meets one. */
export type SharedCause = 'resolver' | 'network'

const UNRELATED_HOSTS = 5
const WINDOW_MS = 10_000

/**
 * Decides whose fault a DNS time-out or an unreachable network is: ours, when five unrelated hosts met it within 10 s
 * with no success in between. Pure: times are passed in, monotonic ms.
 */
export class OwnFaultDetector {
  private readonly lastSeen: Record<SharedCause, Map<string, number>> = { resolver: new Map(), network: new Map() }

  /** Notes a failure and answers whether it is our own. */
  observe(cause: SharedCause, host: string, now: number): boolean {
    const seen = this.lastSeen[cause]
    const family = familyOf(host)
    seen.delete(family)
    seen.set(family, now)
    // Insertion order is the order of time, so what is too old stands in front.
    for (const [old, at] of seen) {
      if (now - at <= WINDOW_MS) break
      seen.delete(old)
    }
    return seen.size >= UNRELATED_HOSTS
  }

  /** The resolver answered, or a host was reached: what failed before was not ours. */
  succeeded(cause: SharedCause): void {
    this.lastSeen[cause].clear()
  }
}

/**
 * What hosts of one owner have in common, roughly: the registrable domain or the network. One owner's many dead host
 * names must not look like an outage of ours.
 */
export function familyOf(host: string): string {
  const version = isIP(host)
  if (version === 4) return host.split('.').slice(0, 2).join('.')
  if (version === 6) return host.split(':').slice(0, 2).join(':')
  const labels = host.replace(/\.$/, '').split('.')
  // `co.uk` and `com.au` are shared by strangers; a short last-but-one label is taken for such a suffix.
  const isSharedSuffix = (labels.at(-2)?.length ?? 0) <= 3
  return labels.slice(isSharedSuffix ? -3 : -2).join('.')
}
