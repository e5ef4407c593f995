import type { Session } from '../database.js'
import { type Balance, enterDelivery } from './balance.js'
import { inChunks, mergedByKey } from './by-key.js'
import { column, joined } from './columns.js'
import { DELIVERY_COLUMNS, type DeliveryRecord, deliveryStateOf } from './delivery-row.js'
import { type DeliveryState, merged } from './delivery-state.js'
import { homesAround } from './home.js'

/**
 * Reads what is known, merges it with what is new by the one rule there is, and writes it back. The caller holds the
 * projection lock. Answers the number of deliveries.
 */
export async function writeDeliveries(session: Session, states: DeliveryState[], balance: Balance): Promise<number> {
  const deliveries = mergedByKey(states, (state) => state.id, merged)
  for (const chunk of inChunks(deliveries.values())) await writeChunk(session, chunk, balance)
  return deliveries.size
}

async function writeChunk(session: Session, fresh: DeliveryState[], balance: Balance): Promise<void> {
  const known = await existing(session, fresh)
  const states = mergedByKey([...known, ...fresh], (state) => state.id, merged)
  const superseded = known.filter((state) => state.acceptedAt !== states.get(state.id)!.acceptedAt)
  if (superseded.length > 0) await removeSuperseded(session, superseded)
  await upsert(session, [...states.values()])
  const knownById = new Map(known.map((state) => [state.id, state]))
  for (const state of states.values()) enterDelivery(balance, knownById.get(state.id), state)
}

async function existing(session: Session, states: DeliveryState[]): Promise<DeliveryState[]> {
  const records = await session.query<DeliveryRecord>(
    {
      name: 'known-deliveries',
      text: `select ${DELIVERY_COLUMNS} from deliveries where id = any(${column(1)}) and accepted_at between $2 and $3`,
    },
    [joined(states.map((state) => state.id)), ...homesAround(states)],
  )
  return records.map(deliveryStateOf)
}

async function upsert(session: Session, states: DeliveryState[]): Promise<void> {
  await session.query(UPSERT, [
    joined(states.map((state) => state.id)),
    joined(states.map((state) => state.acceptedAt)),
    joined(states.map((state) => state.accountId)),
    joined(states.map((state) => state.webhookId)),
    joined(states.map((state) => state.eventId)),
    joined(states.map((state) => state.eventType)),
    joined(states.map((state) => state.trigger)),
    joined(states.map((state) => state.chain)),
    joined(states.map((state) => state.end?.kind ?? null)),
    joined(states.map((state) => state.end?.at ?? null)),
    joined(states.map((state) => state.next.attempt)),
    joined(states.map((state) => state.next.notBefore)),
    joined(states.map((state) => state.attemptsMade)),
  ])
}

const UPSERT = {
  name: 'upsert-deliveries',
  text: `
    insert into deliveries (id, accepted_at, account_id, webhook_id, event_id, event_type, trigger, chain,
                            chain_end, ended_at, next_attempt, not_before, attempts_made)
    select id, to_timestamp(accepted_at / 1000), account_id, webhook_id, event_id, event_type, trigger, chain,
           chain_end, to_timestamp(ended_at / 1000), next_attempt, to_timestamp(not_before / 1000), attempts_made
    from unnest(${column(1)}, ${column(2, 'float8')}, ${column(3)}, ${column(4)}, ${column(5)}, ${column(6)},
                ${column(7)}, ${column(8, 'integer')}, ${column(9)}, ${column(10, 'float8')},
                ${column(11, 'integer')}, ${column(12, 'float8')}, ${column(13, 'integer')})
      as state (id, accepted_at, account_id, webhook_id, event_id, event_type, trigger, chain,
                chain_end, ended_at, next_attempt, not_before, attempts_made)
    on conflict (id, accepted_at) do update set
      trigger = excluded.trigger,
      chain = excluded.chain,
      chain_end = excluded.chain_end,
      ended_at = excluded.ended_at,
      next_attempt = excluded.next_attempt,
      not_before = excluded.not_before,
      attempts_made = excluded.attempts_made`,
}

/** Rare: an event came twice, and the earlier acceptance became known later. */
async function removeSuperseded(session: Session, states: DeliveryState[]): Promise<void> {
  await session.query(
    `delete from deliveries using unnest($1::text[], $2::float8[]) as home (id, accepted_at)
     where deliveries.id = home.id and deliveries.accepted_at = to_timestamp(home.accepted_at / 1000)`,
    [states.map((state) => state.id), states.map((state) => state.acceptedAt)],
  )
}
