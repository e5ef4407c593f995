import type { Answer } from './ledger.js'
import { SeededRandom } from './seeded-random.js'

/** What a webhook's receiver is like: how often a delivery meets each trouble; the rest is answered at once. */
export interface Temper {
  name: string
  error: number
  slow: number
  hang: number
  reset: number
  isGone?: true
}

/**
 * No temper fails so often that a circuit stays open: a receiver that only fails would keep its deliveries waiting
 * longer than any run lasts. Hanging costs a lane its places for 5 s each, so it is rare everywhere.
 */
export const tempers: readonly Temper[] = [
  { name: 'steady', error: 0, slow: 0, hang: 0, reset: 0 },
  { name: 'failing', error: 0.3, slow: 0, hang: 0, reset: 0 },
  { name: 'slow', error: 0, slow: 0.1, hang: 0, reset: 0 },
  { name: 'cutting', error: 0, slow: 0, hang: 0, reset: 0.2 },
  { name: 'hanging', error: 0.05, slow: 0, hang: 0.02, reset: 0 },
  { name: 'mixed', error: 0.1, slow: 0.03, hang: 0.005, reset: 0.05 },
]

export const goneTemper: Temper = { name: 'gone', error: 0, slow: 0, hang: 0, reset: 0, isGone: true }

/** One in so many failing deliveries fails until it is given up; the others once to three times. */
const HOPELESS = 1 / 12
/** More than the six attempts, so that repeats after a crash do not turn a hopeless delivery into a delivered one. */
const HOPELESS_ERRORS = 9

/** The answers to a delivery's requests, one after the other; after the last of them all is well. */
export function scriptFor(seed: number, temper: Temper, path: string, eventId: string): Answer[] {
  if (temper.isGone) return Array<Answer>(50).fill('gone')
  const random = new SeededRandom(`${seed} ${path} ${eventId}`)
  const script: Answer[] = []
  if (random.chance(temper.error)) {
    script.push(...Array<Answer>(random.chance(HOPELESS) ? HOPELESS_ERRORS : random.between(1, 3)).fill('error'))
  }
  if (random.chance(temper.reset)) script.push(random.pick(['reset-before-body', 'reset-after-processing']))
  if (random.chance(temper.hang)) script.push('hang')
  if (random.chance(temper.slow)) script.push('slow')
  return script
}

/** How long a slow answer takes, ms: well within the attempt's five seconds. */
export function slowness(seed: number, path: string, eventId: string): number {
  return new SeededRandom(`slowness ${seed} ${path} ${eventId}`).between(1_000, 4_000)
}
