import { promises as dns, type RecordWithTtl } from 'node:dns'
import { isLocalhost, loopbackAddresses } from './localhost.js'

export interface ResolverOptions {
  /** `address:port` of the name servers; without it those of /etc/resolv.conf. */
  servers?: readonly string[]
  /** Per question and server. */
  timeoutMs?: number
  tries?: number
}

// A dead name server costs 1 s and one repeat of 2 s: less than an attempt, so the reason is `dns` and not a time-out.
const DEFAULT_TIMEOUT_MS = 1_000
const DEFAULT_TRIES = 2
// Once IPv4 has answered IPv6 may take this long more, since many name servers never answer AAAA. The other way round the
// question has its whole time: on a machine without IPv6 half an answer would be a receiver that cannot be reached.
const IPV6_GRACE_MS = 200
// Bounds how long a receiver that moved is looked for at its old address.
const LONGEST_CACHE_MS = 30_000
const MOST_CACHED_NAMES = 1_000

interface CachedAnswer {
  addresses: Promise<string[]>
  /** Infinity while the question is under way: whoever asks meanwhile shares it. */
  expiresAt: number
}

/**
 * Resolves names with c-ares, because `dns.lookup` waits in libuv's four threads and a few dead names would delay every
 * healthy one. It asks for the name exactly as written: no search domains, no /etc/hosts; localhost is answered here.
 */
export class HostResolver {
  private readonly resolver: dns.Resolver
  private readonly cache = new Map<string, CachedAnswer>()

  /** `onAnswer` is called when a name server said anything definite of a name, "no such name" included. */
  constructor(
    options: ResolverOptions,
    private readonly onAnswer: (hostname: string) => void,
  ) {
    const { servers, timeoutMs = DEFAULT_TIMEOUT_MS, tries = DEFAULT_TRIES } = options
    this.resolver = new dns.Resolver({ timeout: timeoutMs, tries })
    if (servers) this.resolver.setServers(servers)
  }

  /** All addresses of a name, IPv4 and IPv6 in turn. Rejects with the c-ares error when there are none. */
  resolve(hostname: string): Promise<string[]> {
    if (isLocalhost(hostname)) return Promise.resolve([...loopbackAddresses])
    const known = this.cache.get(hostname)
    if (known && known.expiresAt > performance.now()) return known.addresses
    return this.ask(hostname)
  }

  /** Ends the questions that are under way; they reject with ECANCELLED. */
  close(): void {
    this.resolver.cancel()
  }

  private ask(hostname: string): Promise<string[]> {
    const entry: CachedAnswer = { addresses: Promise.resolve([]), expiresAt: Infinity }
    entry.addresses = this.bothFamilies(hostname).then(
      ({ records, isKnownInFull }) => {
        this.onAnswer(hostname)
        const ttlMs = Math.min(...records.map((record) => record.ttl * 1_000), LONGEST_CACHE_MS)
        // Half an answer serves those who asked for it; whoever comes next asks for all of it.
        entry.expiresAt = performance.now() + (isKnownInFull ? ttlMs : 0)
        return records.map((record) => record.address)
      },
      (error: unknown) => {
        if (isDefinite(error)) this.onAnswer(hostname)
        // Failures are not kept: a retry must find a name that was mended.
        if (this.cache.get(hostname) === entry) this.cache.delete(hostname)
        throw error
      },
    )
    this.remember(hostname, entry)
    return entry.addresses
  }

  private remember(hostname: string, entry: CachedAnswer): void {
    this.cache.delete(hostname)
    this.cache.set(hostname, entry)
    const [oldest] = this.cache.keys()
    if (this.cache.size > MOST_CACHED_NAMES && oldest !== undefined) this.cache.delete(oldest)
  }

  /** `isKnownInFull`: the name server told of IPv4, be it that there is none. */
  private async bothFamilies(hostname: string): Promise<{ records: RecordWithTtl[]; isKnownInFull: boolean }> {
    const [ipv4, ipv6] = await settledWithGrace(
      this.resolver.resolve4(hostname, { ttl: true }),
      this.resolver.resolve6(hostname, { ttl: true }),
    )
    const records = inTurn([ipv4, ipv6].map((answer) => (answer?.status === 'fulfilled' ? answer.value : [])))
    if (records.length === 0) throw tellingError([ipv4, ipv6])
    return { records, isKnownInFull: ipv4.status === 'fulfilled' || isDefinite(ipv4.reason) }
  }
}

function isDefinite(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOTFOUND' || error.code === 'ENODATA')
}

type Settled = PromiseSettledResult<RecordWithTtl[]>

// Resolves when both have settled, or soon after IPv4 has brought addresses.
async function settledWithGrace(
  ipv4: Promise<RecordWithTtl[]>,
  ipv6: Promise<RecordWithTtl[]>,
): Promise<[Settled, Settled | undefined]> {
  const other = settled(ipv6)
  const first = await settled(ipv4)
  if (first.status === 'rejected') return [first, await other]
  let timer: NodeJS.Timeout | undefined
  const grace = new Promise<undefined>((resolve) => (timer = setTimeout(resolve, IPV6_GRACE_MS, undefined)))
  const second = await Promise.race([other, grace])
  clearTimeout(timer)
  return [first, second]
}

async function settled(question: Promise<RecordWithTtl[]>): Promise<Settled> {
  const [result] = await Promise.allSettled([question])
  return result
}

function inTurn(lists: readonly RecordWithTtl[][]): RecordWithTtl[] {
  const longest = Math.max(...lists.map((list) => list.length))
  return Array.from({ length: longest }, (_, index) => lists.flatMap((list) => list[index] ?? [])).flat()
}

// Of two failures the one that says most: "no such record" of one family is nothing beside a time-out of the other.
function tellingError(answers: readonly (Settled | undefined)[]): Error {
  const errors = answers.flatMap((answer) =>
    answer?.status === 'rejected' ? [answer.reason as NodeJS.ErrnoException] : [],
  )
  const telling = errors.find((error) => error.code !== 'ENODATA' && error.code !== 'ENOTFOUND') ?? errors[0]
  return telling ?? new Error('the name has no addresses')
}
