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
// Once one family has answered the other may take this long more; many name servers never answer AAAA.
const OTHER_FAMILY_GRACE_MS = 200
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
      (records) => {
        this.onAnswer(hostname)
        const ttlMs = Math.min(...records.map((record) => record.ttl * 1_000), LONGEST_CACHE_MS)
        entry.expiresAt = performance.now() + ttlMs
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

  private async bothFamilies(hostname: string): Promise<RecordWithTtl[]> {
    const families = [
      this.resolver.resolve4(hostname, { ttl: true }),
      this.resolver.resolve6(hostname, { ttl: true }),
    ] as const
    const answers = await settledWithGrace(families)
    const lists = answers.map((answer) => (answer?.status === 'fulfilled' ? answer.value : []))
    const records = inTurn(lists)
    if (records.length > 0) return records
    throw tellingError(answers)
  }
}

function isDefinite(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOTFOUND' || error.code === 'ENODATA')
}

type Settled = PromiseSettledResult<RecordWithTtl[]> | undefined

// Resolves when all have settled, or soon after the first that brought addresses.
function settledWithGrace(questions: readonly Promise<RecordWithTtl[]>[]): Promise<Settled[]> {
  return new Promise((resolve) => {
    const settled: Settled[] = questions.map(() => undefined)
    let grace: NodeJS.Timeout | undefined
    const finish = () => {
      clearTimeout(grace)
      resolve(settled)
    }
    const settle = (index: number, result: PromiseSettledResult<RecordWithTtl[]>) => {
      settled[index] = result
      if (settled.every((each) => each !== undefined)) finish()
      else if (result.status === 'fulfilled') grace = setTimeout(finish, OTHER_FAMILY_GRACE_MS)
    }
    questions.forEach((question, index) => {
      question.then(
        (value) => settle(index, { status: 'fulfilled', value }),
        (reason: unknown) => settle(index, { status: 'rejected', reason }),
      )
    })
  })
}

function inTurn(lists: readonly RecordWithTtl[][]): RecordWithTtl[] {
  const longest = Math.max(...lists.map((list) => list.length))
  return Array.from({ length: longest }, (_, index) => lists.flatMap((list) => list[index] ?? [])).flat()
}

// Of two failures the one that says most: "no such record" of one family is nothing beside a time-out of the other.
function tellingError(answers: readonly Settled[]): Error {
  const errors = answers.flatMap((answer) =>
    answer?.status === 'rejected' ? [answer.reason as NodeJS.ErrnoException] : [],
  )
  const telling = errors.find((error) => error.code !== 'ENODATA' && error.code !== 'ENOTFOUND') ?? errors[0]
  return telling ?? new Error('the name has no addresses')
}
