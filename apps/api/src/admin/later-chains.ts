import type { DeliveryLog } from '#postgres'

/** Deliveries asked about at once. */
const LOOK_UP = 5_000

/**
 * Of deliveries that were given up, those that the read model knows a later chain of, by an earlier replay or by a
 * customer's own redelivery.
 *
 * @param givenUp delivery -> the chain that was given up
 * @returns delivery -> its latest chain
 */
export async function laterChains(
  log: Pick<DeliveryLog, 'latestChains'>,
  givenUp: ReadonlyMap<string, number>,
): Promise<Map<string, number>> {
  const later = new Map<string, number>()
  const ids = [...givenUp.keys()]
  for (let from = 0; from < ids.length; from += LOOK_UP) {
    for (const [id, chain] of await log.latestChains(ids.slice(from, from + LOOK_UP))) {
      if (chain > givenUp.get(id)!) later.set(id, chain)
    }
  }
  return later
}
