import { deliveryIdFor } from '#domain'
import type { Session } from '../database.js'
import { oneOfEach } from '../read-models/by-key.js'
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
  const given = new Map<ChosenEvent, number>()
  const withDelivery = events.filter(isDelivered)
  // One round, but for events that came under one id, days apart: they share a row, which gives each a number of its own.
  for (const round of oneOfEach(withDelivery, ({ id }) => id)) await giveNumbers(session, webhookId, round, given)
  return events.flatMap((event) => {
    const { id, type, acceptedAt } = event
    const chain = isDelivered(event) ? given.get(event) : 0
    return chain === undefined ? [] : [{ eventId: id, eventType: type, acceptedAt, chain }]
  })
}

function isDelivered(event: ChosenEvent): event is ChosenEvent & { chain: number } {
  return event.chain !== null
}

/**
 * Of events with different ids. What has this number already was asked for meanwhile, and its chain runs; unless that was
 * of another event under the same id, days before or after: then it is given the next one.
 */
async function giveNumbers(
  session: Session,
  webhookId: string,
  events: (ChosenEvent & { chain: number })[],
  given: Map<ChosenEvent, number>,
): Promise<void> {
  const byDelivery = new Map(events.map((event) => [deliveryIdFor(event.id, webhookId), event]))
  const rows = await session.query<{ deliveryId: string; chain: number }>(GIVE_NUMBERS, [
    [...byDelivery.keys()],
    events.map(({ chain }) => chain + 1),
    events.map(({ acceptedAt }) => new Date(acceptedAt)),
  ])
  for (const { deliveryId, chain } of rows) given.set(byDelivery.get(deliveryId)!, chain)
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
