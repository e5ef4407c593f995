import type { Database } from '../database.js'
import { PartitionStore } from './partition-store.js'
import { dayOf, startOf } from './utc-day.js'

const DAY_MS = 86_400_000

/** A webhook with nearly everything of an account: delivered, of one type. A hundred of each kind are different. */
export const BUSY = { accountId: 'acc_busy', webhookId: 'whk_busy' }
/** One of many webhooks with little. */
export const QUIET = { accountId: 'acc_busy', webhookId: 'whk_quiet_7' }

export interface ManyDeliveries {
  /** Acceptance times of the first and the last, ms since the epoch. */
  from: number
  until: number
}

/**
 * Fills events, deliveries and attempts by SQL alone: nine of ten deliveries are one webhook's, evenly over the days.
 * With another `busy` all accounts and webhooks are of that one, as QUIET is of BUSY.
 */
export async function fillWithDeliveries(
  database: Database,
  count: number,
  days: number,
  busy = BUSY,
): Promise<ManyDeliveries> {
  const today = dayOf(Date.now())
  const from = startOf(today - days + 1)
  const until = startOf(today + 1) - 1
  const partitions = new PartitionStore(database, { eventsMs: days * DAY_MS, deliveriesMs: days * DAY_MS })
  const wanted = Array.from({ length: days }, (_, i) => today - i)
  for (const table of ['events', 'deliveries', 'attempts'] as const) await partitions.ensureDays(table, wanted)
  const stepMs = (until - from) / count
  // Statements of bounded size, for the statement time-out.
  for (let first = 0; first < count; first += PORTION) {
    const values = [first, Math.min(count, first + PORTION) - 1, from, stepMs, busy.accountId, busy.webhookId]
    for (const statement of FILL) await database.query(statement, values)
  }
  for (const table of ['events', 'deliveries', 'attempts']) await database.query(`analyze ${table}`)
  return { from, until }
}

const PORTION = 50_000

const ROWS = `
  select n, to_timestamp(($3::float8 + n * $4::float8) / 1000) as at, lpad(to_hex(n), 32, '0') as hex,
         case when n % 10 = 0 then 'whk_quiet_' || n % 997 else $6::text end as webhook_id, $5::text as account_id,
         case when n % 9973 = 0 then 'context.deleted' else 'context.updated' end as type,
         case when n % 10007 = 0 then null when n % 11003 = 0 then 'exhausted' else 'delivered' end as chain_end
  from generate_series($1::int, $2::int) as n`

const FILL = [
  `insert into events (account_id, id, type, accepted_at, body)
   select account_id, 'evt_' || hex, type, at, '{"id":"evt_' || hex || '"}' from (${ROWS}) as made`,
  `insert into deliveries (id, accepted_at, account_id, webhook_id, event_id, event_type, trigger, chain, chain_end,
                           ended_at, next_attempt, not_before, attempts_made)
   select 'dlv_' || hex, at, account_id, webhook_id, 'evt_' || hex, type, 'automatic', 0, chain_end,
          case when chain_end is not null then at end, 1, at, 1 from (${ROWS}) as made`,
  `insert into attempts (delivery_id, id, accepted_at, chain, number, trigger, started_at, duration_ms, outcome,
                         request_url, request_headers, response_status, response_headers, response_body)
   select 'dlv_' || hex, 'atm_' || hex, at, 0, 1, 'automatic', at, 20, 'succeeded', 'https://receiver.example/hook',
          '{"webhook-id":"evt_' || hex || '"}', 200, '{"server":"test"}', 'OK' from (${ROWS}) as made`,
]
