import type { DeliveryLog } from '#postgres'
import { deliveryOf, keyOf } from './dead-letter.js'

/** Deliveries asked about at once. */
const LOOK_UP = 5_000

/**
 * Of deliveries that were given up, those that the read model knows a later chain of, by an earlier replay or by a
 * customer's own redelivery. Deliveries are named as keyOf does.
 *
 * @param givenUp delivery -> the chain that was given up
 * @returns delivery -> its latest chain
 */
export async function laterChains(
  log: Pick<DeliveryLog, 'latestChains'>,
  givenUp: ReadonlyMap<string, number>,
): Promise<Map<string, number>> {
  const later = new Map<string, number>()
  const keys = [...givenUp.keys()]
  for (let from = 0; from < keys.length; from += LOOK_UP) {
    for (const { chain, ...delivery } of await log.latestChains(keys.slice(from, from + LOOK_UP).map(deliveryOf))) {
      const key = keyOf(delivery)
      if (chain > givenUp.get(key)!) later.set(key, chain)
    }
  }
  return later
}
