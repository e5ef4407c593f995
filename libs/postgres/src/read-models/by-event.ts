import { isSameEvent } from '#domain'

/** What was accepted at a time, ms since the epoch. */
export interface Acceptance {
  acceptedAt: number
}

/** An event as one account had it accepted. */
export interface AcceptedEvent extends Acceptance {
  accountId: string
  id: string
}

/** The same for all acceptances under one id in one account, of one event or, days apart, of several. */
export function eventKeyOf({ accountId, id }: AcceptedEvent): string {
  return `${id}/${accountId}`
}

/** One of the two; of the same time the first, which is there already. */
export function earlier<T extends Acceptance>(a: T, b: T): T {
  return b.acceptedAt < a.acceptedAt ? b : a
}

/**
 * One row per event, oldest first, of rows that have the same id: those accepted within a day of the first are made one
 * by `merge`, which keeps the earlier acceptance, and what was accepted later is another event. So it is in whatever
 * portions the rows come, as long as they come in the order of acceptance.
 */
export function mergedByEvent<T extends Acceptance>(rows: readonly T[], merge: (a: T, b: T) => T): T[] {
  // Nearly always, and then their order is no matter.
  if (rows.length === 1) return [rows[0]!]
  if (isOneEvent(rows)) return [rows.reduce(merge)]
  const events: T[] = []
  for (const row of rows.toSorted((a, b) => a.acceptedAt - b.acceptedAt)) {
    const latest = events.at(-1)
    if (latest && isSameEvent(latest.acceptedAt, row.acceptedAt)) events[events.length - 1] = merge(latest, row)
    else events.push(row)
  }
  return events
}

/** Whether what was accepted at this time is of the event that was first accepted then. */
export function isOf(event: Acceptance, acceptedAt: number): boolean {
  return acceptedAt >= event.acceptedAt && isSameEvent(acceptedAt, event.acceptedAt)
}

function isOneEvent(rows: readonly Acceptance[]): boolean {
  let [first, last] = [Infinity, -Infinity]
  for (const { acceptedAt } of rows) {
    if (acceptedAt < first) first = acceptedAt
    if (acceptedAt > last) last = acceptedAt
  }
  return isSameEvent(first, last)
}
