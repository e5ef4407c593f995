import type { Database } from '../database.js'
import { epochMs } from '../epoch-ms.js'
import type { ChainKey } from '../read-models/ended-chains.js'

/**
 * What was asked for longer ago has no predecessor whose record could still wait: the longest wait is hours, and records
 * that lie in the log while no dispatcher runs are kept for a week.
 */
const LOOK_BACK = "interval '8 days'"
/** What a dispatcher is ready to hold in memory; more than one replay of everything that failed. */
const MOST = 200_000

/**
 * Which deliveries are in a later chain than their first, for a dispatcher that takes them over: a record of an
 * earlier chain may still wait in a tier, also when the later chain has ended.
 */
export class RunningChains {
  constructor(private readonly database: Database) {}

  /**
   * The latest chain of each such delivery: what runs, and then the newest requests where there are too many. A request
   * counts from the moment that it has its number, however far behind the projector is; one that a process of the release
   * before gave it from the moment that the projector knows, and while it runs.
   * @throws {DatabaseUnavailable}
   */
  newest(): Promise<ChainKey[]> {
    return this.database.query<ChainKey>(NEWEST)
  }
}

// What has ended is in `redeliveries`, where every later chain got its number. Nothing finds it among the deliveries but
// reading all that was ever replayed, for as long as that is kept. What runs is few of what waits, which has an index.
const NEWEST = `
  (select id as "deliveryId", chain, ${epochMs('accepted_at')} as "acceptedAt" from deliveries
   where chain > 0 and chain_end is null
   order by accepted_at desc limit ${MOST})
  union all
  (select delivery_id, chain, ${epochMs('accepted_at')} from redeliveries
   where requested_at > now() - ${LOOK_BACK} and accepted_at is not null
   order by requested_at desc limit ${MOST})`
