/** What a step has shown: whether the rate was sustained, with whatever else the caller wants back. */
export interface Step {
  sustained: boolean
}

/**
 * The steps to try: by 500/s up to 6,000/s and by 1,000/s above, or in big strides. Ends at a rate that this machine
 * cannot reach.
 */
export function ladder(quick: boolean): number[] {
  if (quick) return [500, 1000, 2000, 4000, 8000]
  const low = Array.from({ length: 11 }, (_, i) => 1000 + i * 500)
  const high = Array.from({ length: 14 }, (_, i) => 7000 + i * 1000)
  return [...low, ...high]
}

/**
 * Climbs in short steps until one is not sustained twice in a row, since one bad second of a shared machine ends a short
 * step, and holds the last good rate for the whole window, or the next lower one that lasts.
 *
 * @returns the held step; undefined when not even the first rate was sustained
 */
export async function climb<T extends Step>(
  rates: readonly number[],
  trial: (rate: number) => Promise<Step>,
  hold: (rate: number) => Promise<T>,
): Promise<T | undefined> {
  let good = 0
  const isSustained = async (rate: number) => (await trial(rate)).sustained || (await trial(rate)).sustained
  while (good < rates.length && (await isSustained(rates[good]!))) good++
  for (const rate of rates.slice(0, good).reverse()) {
    const held = await hold(rate)
    if (held.sustained) return held
  }
  return undefined
}
