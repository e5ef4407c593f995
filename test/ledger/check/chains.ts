import { deliveryIdFor } from '#domain'
import {
  type Ledger,
  type LedgerAttempt,
  type LedgerDelivery,
  type LedgerEvent,
  type LedgerRequest,
  type LedgerWebhook,
  isSuccess,
} from '../ledger.js'

/** One event at one webhook: what was asked for and what came of it. */
export interface Chain {
  webhook: LedgerWebhook
  event: LedgerEvent
  /** In the order of their arrival. */
  requests: LedgerRequest[]
  delivery: LedgerDelivery | undefined
}

/** Every chain that must be there, and those that are there although their event's fate is unknown to its producer. */
export function chainsOf(ledger: Ledger): Chain[] {
  const requests = groupBy(ledger.requests, ({ path, eventId }) => `${path} ${eventId}`)
  const deliveries = new Map(ledger.deliveries.map((delivery) => [delivery.id, delivery]))
  const chains: Chain[] = []
  for (const event of ledger.events) {
    const ofEvent = ledger.webhooks
      .filter(({ types }) => types.includes(event.type))
      .map((webhook) => ({
        webhook,
        event,
        requests: (requests.get(`${webhook.path} ${event.id}`) ?? []).toSorted((a, b) => a.at - b.at),
        delivery: deliveries.size > 0 ? deliveries.get(deliveryIdFor(event.id, webhook.id)) : undefined,
      }))
    const isStored = isAccepted(event) || ofEvent.some(({ requests, delivery }) => requests.length > 0 || delivery)
    if (isStored) chains.push(...ofEvent)
  }
  return chains
}

export function isAccepted({ posts }: LedgerEvent): boolean {
  return posts.some(({ answer }) => answer === 'accepted')
}

/** How the receiver saw a chain end; null while it has not. */
export function endOf({ requests, delivery }: Chain): 'delivered' | 'gone' | 'exhausted' | null {
  const answered = requests.filter(({ isAnswered }) => isAnswered)
  if (answered.some(({ answer }) => isSuccess(answer))) return 'delivered'
  if (answered.some(({ answer }) => answer === 'gone')) return 'gone'
  const numbers = new Set(requests.map(({ attempt }) => attempt))
  // Of an attempt that found no connection only the log knows.
  for (const { number, status } of delivery?.attempts ?? []) if (status === null) numbers.add(number)
  return numbers.size >= MOST_ATTEMPTS ? 'exhausted' : null
}

/** The first and five retries. */
export const MOST_ATTEMPTS = 6

/** A request arrives after its attempt began, and before it ended but for a busy machine. Ms. */
const MATCHING_MS = 6_000

/** Whether this may be the request of an attempt in the log. */
export function isOf({ attempt, at }: LedgerRequest, { number, startedAt }: LedgerAttempt): boolean {
  return attempt === number && at >= startedAt - 1 && at <= startedAt + MATCHING_MS
}

/** For people who look into a run: where to search the logs. */
export function nameOf({ webhook, event }: Chain): string {
  return `${event.id} at ${webhook.path} (${deliveryIdFor(event.id, webhook.id)})`
}

export function groupBy<T>(items: Iterable<T>, keyOf: (item: T) => string | number): Map<string, T[]> {
  const groups = new Map<string, T[]>()
  for (const item of items) {
    const key = String(keyOf(item))
    const group = groups.get(key)
    if (group) group.push(item)
    else groups.set(key, [item])
  }
  return groups
}
