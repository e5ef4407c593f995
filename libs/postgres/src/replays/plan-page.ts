import { deliveryIdFor } from '#domain'
import type { Session } from '../database.js'
import { IS_OF_ANOTHER_EVENT } from '../redeliveries/another-event.js'
import type { PlannedDelivery, ReplayPage, ReplayPosition, ReplayRow } from './replay-row.js'
import { type ChosenEvent, beginningOf, chosenAfter } from './replay-selection.js'

/** The next page of a replay, with a number for the chain of each delivery; null when nothing is left. */
export async function planPage(
  session: Session,
  replay: ReplayRow,
  limit: number,
  notBefore: number,
): Promise<ReplayPage | null> {
  // Without this, events whose deliveries are forgotten already would look as if they had none.
  const after = later(replay.position, beginningOf({ since: notBefore }))
  const { events, next } = await chosenAfter(session, replay, after, limit)
  if (next === null) return null
  return { deliveries: await numbered(session, replay.webhookId, events), next }
}

function later(a: ReplayPosition, b: ReplayPosition): ReplayPosition {
  return b.acceptedAt > a.acceptedAt ? b : a
}

/**
 * An event without a delivery gets chain 0, as fan-out would give it: where that is only slow, both mean the same
 * attempt, and the webhook's owner makes it once.
 */
async function numbered(session: Session, webhookId: string, events: ChosenEvent[]): Promise<PlannedDelivery[]> {
  const next = new Map<string, AskedChain>()
  for (const { id, chain, acceptedAt } of events) {
    if (chain !== null) next.set(deliveryIdFor(id, webhookId), { chain: chain + 1, acceptedAt })
  }
  const given = next.size === 0 ? new Map<string, number>() : await giveNumbers(session, next)
  return events.flatMap(({ id, type, acceptedAt, chain: latest }) => {
    const chain = latest === null ? 0 : given.get(deliveryIdFor(id, webhookId))
    return chain === undefined ? [] : [{ eventId: id, eventType: type, acceptedAt, chain }]
  })
}

interface AskedChain {
  chain: number
  /** Of its event, ms since the epoch. */
  acceptedAt: number
}

/**
 * By delivery id. One that has this number already was asked for meanwhile, and its chain runs; unless that was of another
 * event under the same id, days before or after: then it is given the next one.
 */
async function giveNumbers(session: Session, chains: ReadonlyMap<string, AskedChain>): Promise<Map<string, number>> {
  const asked = [...chains.values()]
  const rows = await session.query<{ deliveryId: string; chain: number }>(GIVE_NUMBERS, [
    [...chains.keys()],
    asked.map(({ chain }) => chain),
    asked.map(({ acceptedAt }) => new Date(acceptedAt)),
  ])
  return new Map(rows.map(({ deliveryId, chain }) => [deliveryId, chain]))
}

/** In order, so that two replays of the same deliveries wait for each other instead of failing both. */
const GIVE_NUMBERS = {
  name: 'give-replay-chains',
  text: `
    insert into redeliveries as known (delivery_id, chain, requested_at, unsent, accepted_at)
    select id, chain, now(), null, accepted_at
    from unnest($1::text[], $2::integer[], $3::timestamptz[]) as asked (id, chain, accepted_at) order by id
    on conflict (delivery_id) do update
      set chain = greatest(known.chain + 1, excluded.chain), requested_at = now(), accepted_at = excluded.accepted_at
      where known.unsent is null and (known.chain < excluded.chain or ${IS_OF_ANOTHER_EVENT})
    returning delivery_id as "deliveryId", chain`,
}
