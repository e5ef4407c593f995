import { ATTEMPTS_PER_CHAIN, type ChainEnd, SAME_EVENT_WITHIN_MS } from '#domain'
import type { Database } from '../database.js'
import { epochMs } from '../epoch-ms.js'
import { isOf } from './by-event.js'
import { groupedByKey, inChunks } from './by-key.js'
import { homesAround, knownRows } from './home.js'

/** Names one chain of attempts of one delivery. */
export interface ChainKey {
  deliveryId: string
  chain: number
  /** Ms since the epoch. An id that is accepted again days later has a delivery, and chains, of its own. */
  acceptedAt: number
}

export interface OverChain {
  /**
   * Whether its end is known. An earlier chain than the newest is known by its attempts alone: where it was cancelled
   * or expired before it was replaced, this is false although it has an end.
   */
  hasEnded: boolean
  /** The newest chain of the same delivery; greater than this one where that was replaced. */
  newest: number
}

/** Which chains of attempts are over, for a dispatcher that cannot know it: it sends nothing of them again. */
export class EndedChains {
  constructor(private readonly database: Database) {}

  /**
   * Those of the given chains that have ended, or that a later chain of the same delivery has replaced, as
   * `deliveryId/chain/acceptedAt`. What the read model does not know has not ended.
   * @throws {DatabaseUnavailable}
   */
  async among(keys: readonly ChainKey[]): Promise<Map<string, OverChain>> {
    const over = new Map<string, OverChain>()
    for (const chunk of inChunks(keys)) {
      const rows = await this.database.query<ChainKey & OverChain>(OVER, [
        chunk.map(({ deliveryId }) => deliveryId),
        chunk.map(({ chain }) => chain),
        chunk.map(({ acceptedAt }) => acceptedAt),
        ATTEMPTS_PER_CHAIN,
        ...homesAround(chunk),
      ])
      for (const { deliveryId, chain, acceptedAt, ...fate } of rows) {
        over.set(`${deliveryId}/${chain}/${acceptedAt}`, fate)
      }
    }
    return over
  }

  /**
   * Those of the given chains that were delivered, an end that is written whole. Of others it cannot be told whether what
   * they lead to, a dead letter or a command, is in the log as well.
   * @throws {DatabaseUnavailable}
   */
  async deliveredAmong<Key extends ChainKey>(keys: readonly Key[]): Promise<Set<Key>> {
    const delivered = new Set<Key>()
    for (const chunk of inChunks(keys)) {
      const rows = await this.database.query<KnownChain>(
        ...knownRows(
          'deliveries',
          `id, chain, ${epochMs('accepted_at')} as "acceptedAt", chain_end as end`,
          chunk.map(({ deliveryId: id, acceptedAt }) => ({ id, acceptedAt })),
        ),
      )
      const ends = groupedByKey(
        rows.filter(({ end }) => end === 'delivered'),
        ({ id, chain }) => `${id}/${chain}`,
      )
      for (const key of chunk) {
        const known = ends.get(`${key.deliveryId}/${key.chain}`) ?? []
        if (known.some((row) => isOf(row, key.acceptedAt))) delivered.add(key)
      }
    }
    return delivered
  }
}

interface KnownChain {
  id: string
  chain: number
  acceptedAt: number
  end: ChainEnd | null
}

// One look into the key's index for each id, and planned anew each time: see `knownRows`.
const OVER = `
  select asked.id as "deliveryId", asked.chain, asked.accepted_at as "acceptedAt", known.chain as newest,
         known.chain = asked.chain or exists (
           select 1 from attempts
           where delivery_id = asked.id and attempts.accepted_at = known.accepted_at
             and attempts.chain = asked.chain and (outcome in ('succeeded', 'refused') or number >= $4)
           offset 0
         ) as "hasEnded"
  from unnest($1::text[], $2::integer[], $3::float8[]) as asked (id, chain, accepted_at)
  cross join lateral (
    select chain, chain_end, accepted_at from deliveries
    where id = asked.id
      and accepted_at between to_timestamp((asked.accepted_at - ${SAME_EVENT_WITHIN_MS}) / 1000)
                          and to_timestamp((asked.accepted_at + ${SAME_EVENT_WITHIN_MS}) / 1000)
      and accepted_at between $5 and $6
    offset 0
  ) as known
  where known.chain > asked.chain or (known.chain = asked.chain and known.chain_end is not null)`
