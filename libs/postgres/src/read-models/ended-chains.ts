import type { Database } from '../database.js'
import { inChunks } from './by-key.js'

/** Names one chain of attempts of one delivery. */
export interface ChainKey {
  deliveryId: string
  chain: number
}

/**
 * Which chains of attempts are over, for a dispatcher whose offsets were lost: it completes their records instead of
 * sending again.
 */
export class EndedChains {
  constructor(private readonly database: Database) {}

  /**
   * Those of the given chains that have ended, or that a later chain of the same delivery has replaced, as
   * `deliveryId/chain`. What the read model does not know has not ended.
   * @throws {DatabaseUnavailable}
   */
  async among(keys: readonly ChainKey[]): Promise<Set<string>> {
    const ended = new Set<string>()
    for (const chunk of inChunks(keys)) {
      const rows = await this.database.query<ChainKey>(ENDED, [
        chunk.map(({ deliveryId }) => deliveryId),
        chunk.map(({ chain }) => chain),
      ])
      for (const { deliveryId, chain } of rows) ended.add(`${deliveryId}/${chain}`)
    }
    return ended
  }
}

const ENDED = {
  name: 'ended-chains',
  text: `
    select asked.id as "deliveryId", asked.chain
    from unnest($1::text[], $2::integer[]) as asked (id, chain)
    join deliveries on deliveries.id = asked.id
    where deliveries.chain > asked.chain or (deliveries.chain = asked.chain and deliveries.chain_end is not null)`,
}
