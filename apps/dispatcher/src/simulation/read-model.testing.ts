import type { ChainEnd, Delivery, Fact } from '#domain'
import type { EndedChains, RunningChains, StreakSnapshot } from '#postgres'
import type { Chance } from './chance.testing.js'
import { passed } from './pretend-clock.testing.js'

type ChainKey = Awaited<ReturnType<RunningChains['newest']>>[number]
type AsTheDispatcherAsks = Pick<EndedChains, 'among' | 'deliveredAmong'> &
  Pick<RunningChains, 'newest'> &
  Pick<StreakSnapshot, 'running'>

export interface ToldEnd {
  end: ChainEnd
  /** When the fact was appended, ms since the epoch. */
  at: number
}

/** Postgres does not answer, as it sometimes does not. */
export class PostgresAway extends Error {}

/** What the delivery log tells, in Postgres. */
export class ReadModel implements AsTheDispatcherAsks {
  /** Ms since the epoch. */
  awayUntil = 0
  /** Of a hundred questions so many are not answered. */
  awayIn100 = 5
  /** By chain, all that were told; there should be one. */
  readonly ends = new Map<string, ToldEnd[]>()
  readonly #newest = new Map<string, ChainKey>()

  constructor(private readonly chance: Chance) {}

  project(fact: Fact): void {
    const end = endOf(fact)
    if (!end) return
    const { deliveryId, chain } = end.delivery
    const name = `${deliveryId}/${chain}`
    this.ends.set(name, [...(this.ends.get(name) ?? []), { end: end.end, at: Date.now() }])
  }

  /** A person asks for the delivery again. @returns the number of its new chain */
  askAgain({ id: deliveryId, acceptedAt }: Delivery): number {
    const chain = this.newestChain(deliveryId) + 1
    this.#newest.set(deliveryId, { deliveryId, chain, acceptedAt })
    return chain
  }

  newestChain(deliveryId: string): number {
    return this.#newest.get(deliveryId)?.chain ?? 0
  }

  async newest(): Promise<ChainKey[]> {
    await this.#answer()
    return [...this.#newest.values()]
  }

  async running(): Promise<never[]> {
    await this.#answer()
    return []
  }

  async among(keys: readonly ChainKey[]): Promise<Map<string, { hasEnded: boolean; newest: number }>> {
    await this.#answer()
    const over = keys.flatMap(({ deliveryId, chain, acceptedAt }) => {
      const name = `${deliveryId}/${chain}`
      const newest = this.newestChain(deliveryId)
      const hasEnded = this.ends.has(name)
      return hasEnded || newest > chain ? [[`${name}/${acceptedAt}`, { hasEnded, newest }] as const] : []
    })
    return new Map(over)
  }

  async deliveredAmong<Key extends ChainKey>(keys: readonly Key[]): Promise<Set<Key>> {
    await this.#answer()
    const isDelivered = ({ deliveryId, chain }: Key) => {
      const ends = this.ends.get(`${deliveryId}/${chain}`) ?? []
      return ends.some(({ end }) => end === 'delivered')
    }
    return new Set(keys.filter(isDelivered))
  }

  async #answer(): Promise<void> {
    await passed(this.chance.from(1, 40))
    if (this.awayUntil > Date.now() || this.chance.in100(this.awayIn100)) throw new PostgresAway('Postgres is away')
  }
}

function endOf(fact: Fact) {
  if (fact.kind === 'chain_ended') return { delivery: fact.delivery, end: fact.end }
  if (fact.kind === 'attempted' && fact.next.kind === 'end') return { delivery: fact.delivery, end: fact.next.end }
  return undefined
}
