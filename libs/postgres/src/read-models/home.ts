/** Where each of some deliveries is written, by id: the acceptance that counts. Ms since the epoch. */
export type DeliveryHomes = Map<string, number>

/**
 * How far apart two acceptances of the same event may be and still become one row. Fan-out itself forgets an id after
 * minutes, so a day is ample; each more day makes every write look into one more partition. Ms.
 */
const LOOK_AROUND_MS = 86_400_000

/** Where rows of these acceptance times may be already: both ends for `between`. Ms. */
export function homesAround(rows: { acceptedAt: number }[]): [from: Date, to: Date] {
  let [from, to] = [Infinity, -Infinity]
  for (const { acceptedAt } of rows) {
    from = Math.min(from, acceptedAt)
    to = Math.max(to, acceptedAt)
  }
  return [new Date(from - LOOK_AROUND_MS), new Date(to + LOOK_AROUND_MS)]
}
