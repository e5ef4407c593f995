import { type ChainEnd, type EventType, deliveryIdFor } from '#domain'
import type { Database } from '../database.js'
import { NOON, aRef } from '../read-models/builders.testing.js'
import { type DeliveryState, statesFrom } from '../read-models/delivery-state.js'
import { PartitionStore } from '../read-models/partition-store.js'
import { ReadModelWriter } from '../read-models/read-model-writer.js'

const DAY_MS = 86_400_000

export const WEBHOOK = 'whk_1'

/** An event and what became of it at the webhook; without `end` there is no delivery. */
export interface PastEvent {
  id: string
  acceptedAt: number
  type?: EventType
  end?: ChainEnd | 'waiting'
  chain?: number
  /** When its delivery lies later: it came again then, and what came first went nowhere. */
  deliveredAt?: number
  accountId?: string
  body?: string
}

/** An account with these events in its read models. */
export async function anAccountWith(database: Database, events: PastEvent[]): Promise<void> {
  await database.query("insert into accounts values ('acc_1', 'A', 'a@example.com', now()) on conflict (id) do nothing")
  await writerFor(database).write({
    events: events.map(
      ({ id, acceptedAt, type = 'context.updated', accountId = 'acc_1', body = `{"id":"${id}"}` }) => ({
        id,
        acceptedAt,
        type,
        accountId,
        body,
      }),
    ),
    fanOuts: [],
    deliveries: events.flatMap(deliveryOf),
    attempts: [],
  })
}

/** What became known of deliveries besides. */
export async function alsoKnown(database: Database, deliveries: DeliveryState[]): Promise<void> {
  await writerFor(database).write({ events: [], fanOuts: [], deliveries, attempts: [] })
}

function writerFor(database: Database): ReadModelWriter {
  const retention = { eventsMs: 30 * DAY_MS, deliveriesMs: 30 * DAY_MS }
  return new ReadModelWriter(database, new PartitionStore(database, retention, () => NOON))
}

function deliveryOf({ id, type: eventType = 'context.updated', end, chain = 0, ...at }: PastEvent): DeliveryState[] {
  if (end === undefined) return []
  const acceptedAt = at.deliveredAt ?? at.acceptedAt
  const delivery = aRef({ deliveryId: deliveryIdFor(id, WEBHOOK), eventId: id, eventType, acceptedAt, chain })
  if (end === 'waiting') return statesFrom({ kind: 'redelivery_requested', delivery, at: acceptedAt })
  return statesFrom({ kind: 'chain_ended', delivery, at: acceptedAt + 1_000, end })
}
