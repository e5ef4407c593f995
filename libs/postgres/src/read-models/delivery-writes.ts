import type { Session } from '../database.js'
import { together } from '../together.js'
import { type SupersededDelivery, moveAttempts } from './attempt-writes.js'
import { type Balance, enterDelivery } from './balance.js'
import { isOf, mergedByEvent } from './by-event.js'
import { groupedByKey, inChunks } from './by-key.js'
import { column, joined } from './columns.js'
import { DELIVERY_COLUMNS, type DeliveryRecord, deliveryStateOf } from './delivery-row.js'
import { type DeliveryState, merged } from './delivery-state.js'
import { type DeliveryHomes, ends, knownRows } from './home.js'

/** Deliveries merged with what was known of them, and where each lies; nothing lies anywhere else any more. */
export interface PlacedDeliveries {
  homes: DeliveryHomes
  fresh: DeliveryState[]
  changed: DeliveryState[]
}

/**
 * Reads what is known, merges it with what is new by the one rule there is, and clears away what lies elsewhere. The
 * caller holds the projection lock until they are written.
 */
export async function placeDeliveries(
  session: Session,
  states: DeliveryState[],
  balance: Balance,
): Promise<PlacedDeliveries> {
  const placed: PlacedDeliveries = { homes: new Map(), fresh: [], changed: [] }
  for (const chunk of inChunks(groupedByKey(states, idOf))) {
    const known = await existing(
      session,
      chunk.flatMap(([, told]) => told),
    )
    await placeChunk(session, chunk, groupedByKey(known, idOf), balance, placed)
  }
  return placed
}

async function existing(session: Session, states: DeliveryState[]): Promise<DeliveryState[]> {
  const records = await session.query<DeliveryRecord>(...knownRows('deliveries', DELIVERY_COLUMNS, states))
  return records.map(deliveryStateOf)
}

async function placeChunk(
  session: Session,
  told: [id: string, states: DeliveryState[]][],
  knownById: ReadonlyMap<string, DeliveryState[]>,
  balance: Balance,
  { homes, fresh, changed }: PlacedDeliveries,
): Promise<void> {
  const superseded: SupersededDelivery[] = []
  for (const [id, states] of told) {
    const known = knownById.get(id)
    const deliveries = mergedByEvent(known ? [...known, ...states] : states, merged)
    homes.set(id, deliveries)
    if (!known) {
      for (const delivery of deliveries) enterDelivery(balance, undefined, ofDelivery(delivery, states))
      fresh.push(...deliveries)
      continue
    }
    for (const delivery of deliveries) {
      const before = ofDelivery(delivery, known)
      const elsewhere = before.filter(({ acceptedAt }) => acceptedAt !== delivery.acceptedAt)
      superseded.push(...elsewhere.map(({ acceptedAt: from }) => ({ id, from, to: delivery.acceptedAt })))
      ;(before.length > elsewhere.length ? changed : fresh).push(delivery)
      enterDelivery(balance, before.at(-1), ofDelivery(delivery, states))
    }
  }
  if (superseded.length > 0) {
    await removeSuperseded(session, superseded)
    await moveAttempts(session, superseded)
  }
}

/** Those of the states under its id that are of this delivery's event. */
function ofDelivery(delivery: DeliveryState, states: DeliveryState[]): DeliveryState[] {
  return states.filter(({ acceptedAt }) => isOf(delivery, acceptedAt))
}

function idOf({ id }: DeliveryState): string {
  return id
}

export async function writeDeliveries(session: Session, { fresh, changed }: PlacedDeliveries): Promise<void> {
  await together(insert(session, fresh), update(session, changed))
}

/** Under the lock nobody else adds a row: Postgres need not look for each of them once more, as an upsert would. */
async function insert(session: Session, states: DeliveryState[]): Promise<void> {
  for (const chunk of inChunks(states)) await session.query(INSERT, columnsOf(chunk))
}

async function update(session: Session, states: DeliveryState[]): Promise<void> {
  for (const chunk of inChunks(states)) await session.query(UPDATE, columnsOf(chunk))
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

/**
 * Without a name, like the look at what is known. It names no days: with them Postgres chose a plan that at a million rows
 * a day left the projector behind.
 */
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
async function removeSuperseded(session: Session, superseded: SupersededDelivery[]): Promise<void> {
  await session.query(
    `delete from deliveries using unnest($1::text[], $2::float8[]) as home (id, accepted_at)
     where deliveries.id = home.id and deliveries.accepted_at = to_timestamp(home.accepted_at / 1000)
       and deliveries.accepted_at between $3 and $4`,
    [superseded.map(({ id }) => id), superseded.map(({ from }) => from), ...ends(superseded.map(({ from }) => from))],
  )
}
