import type { Session } from '../database.js'
import { moveAttempts } from './attempt-writes.js'
import { type Balance, enterDelivery } from './balance.js'
import { inChunks, mergedByKey } from './by-key.js'
import { column, joined } from './columns.js'
import { DELIVERY_COLUMNS, type DeliveryRecord, deliveryStateOf } from './delivery-row.js'
import { type DeliveryState, merged } from './delivery-state.js'
import { type DeliveryHomes, homesAround } from './home.js'

/**
 * Reads what is known, merges it with what is new by the one rule there is, and writes it back. The caller holds the
 * projection lock.
 */
export async function writeDeliveries(
  session: Session,
  states: DeliveryState[],
  balance: Balance,
): Promise<DeliveryHomes> {
  const deliveries = mergedByKey(states, (state) => state.id, merged)
  const homes: DeliveryHomes = new Map()
  for (const chunk of inChunks(deliveries.values())) {
    for (const { id, acceptedAt } of await writeChunk(session, chunk, balance)) homes.set(id, acceptedAt)
  }
  return homes
}

async function writeChunk(
  session: Session,
  fresh: DeliveryState[],
  balance: Balance,
): Promise<Iterable<DeliveryState>> {
  const known = await existing(session, fresh)
  const states = mergedByKey([...known, ...fresh], (state) => state.id, merged)
  const homeOf = ({ id }: DeliveryState) => states.get(id)!.acceptedAt
  const isAtHome = (state: DeliveryState) => state.acceptedAt === homeOf(state)
  const superseded = known.filter((state) => !isAtHome(state))
  if (superseded.length > 0) {
    await removeSuperseded(session, superseded)
    await moveAttempts(session, superseded, superseded.map(homeOf))
  }
  const written = new Set(known.filter(isAtHome).map(({ id }) => id))
  await insert(
    session,
    [...states.values()].filter(({ id }) => !written.has(id)),
  )
  await update(
    session,
    [...states.values()].filter(({ id }) => written.has(id)),
  )
  const knownById = new Map(known.map((state) => [state.id, state]))
  for (const state of states.values()) enterDelivery(balance, knownById.get(state.id), state)
  return states.values()
}

/** One look into the key's index for each delivery, planned anew each time: see `event-writes.ts`. */
async function existing(session: Session, states: DeliveryState[]): Promise<DeliveryState[]> {
  const records = await session.query<DeliveryRecord>(
    `select known.* from unnest(${column(1)}) as asked (id)
     cross join lateral (
       select ${DELIVERY_COLUMNS} from deliveries where id = asked.id and accepted_at between $2 and $3 offset 0
     ) as known`,
    [joined(states.map((state) => state.id)), ...homesAround(states)],
  )
  return records.map(deliveryStateOf)
}

/** Under the lock nobody else adds a row: Postgres need not look for each of them once more, as an upsert would. */
async function insert(session: Session, states: DeliveryState[]): Promise<void> {
  if (states.length > 0) await session.query(INSERT, columnsOf(states))
}

async function update(session: Session, states: DeliveryState[]): Promise<void> {
  if (states.length > 0) await session.query(UPDATE, columnsOf(states))
}

function columnsOf(states: DeliveryState[]): string[] {
  return [
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
  ]
}

const STATES = `
  (select id, to_timestamp(accepted_at / 1000) as accepted_at, account_id, webhook_id, event_id, event_type, trigger,
          chain, chain_end, to_timestamp(ended_at / 1000) as ended_at, next_attempt,
          to_timestamp(not_before / 1000) as not_before, attempts_made
   from unnest(${column(1)}, ${column(2, 'float8')}, ${column(3)}, ${column(4)}, ${column(5)}, ${column(6)},
               ${column(7)}, ${column(8, 'integer')}, ${column(9)}, ${column(10, 'float8')},
               ${column(11, 'integer')}, ${column(12, 'float8')}, ${column(13, 'integer')})
     as state (id, accepted_at, account_id, webhook_id, event_id, event_type, trigger, chain,
               chain_end, ended_at, next_attempt, not_before, attempts_made)) as state`

const INSERT = {
  name: 'insert-deliveries',
  text: `
    insert into deliveries (id, accepted_at, account_id, webhook_id, event_id, event_type, trigger, chain,
                            chain_end, ended_at, next_attempt, not_before, attempts_made)
    select * from ${STATES}`,
}

/** Without a name, like the look at what is known. */
const UPDATE = `
  update deliveries set
    trigger = state.trigger,
    chain = state.chain,
    chain_end = state.chain_end,
    ended_at = state.ended_at,
    next_attempt = state.next_attempt,
    not_before = state.not_before,
    attempts_made = state.attempts_made
  from ${STATES}
  where deliveries.id = state.id and deliveries.accepted_at = state.accepted_at`

/** Rare: an event came twice, and the earlier acceptance became known later. */
async function removeSuperseded(session: Session, states: DeliveryState[]): Promise<void> {
  await session.query(
    `delete from deliveries using unnest($1::text[], $2::float8[]) as home (id, accepted_at)
     where deliveries.id = home.id and deliveries.accepted_at = to_timestamp(home.accepted_at / 1000)`,
    [states.map((state) => state.id), states.map((state) => state.acceptedAt)],
  )
}
