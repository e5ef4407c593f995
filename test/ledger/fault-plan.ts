import type { FaultKind, Target } from './ledger.js'
import { SeededRandom } from './seeded-random.js'

export interface PlannedFault {
  target: Target
  kind: FaultKind
  /** After the fault before, ms. */
  waitMs: number
  /** How long the process is away, beyond what its start takes, ms. */
  awayMs: number
}

export interface FaultPlanOptions {
  seed: number
  count: number
  /** Mean and spread of the waits: from half to one and a half times of it, ms. */
  everyMs: number
  longestAwayMs: number
  /** Each of them is dealt as often as the only one would be. */
  brokers?: number
}

/** Dealt and dealt again, so that a short run meets every process, and none waits for its turn for long. */
const deck: readonly Target[] = [
  'dispatcher',
  'dispatcher',
  'dispatcher',
  'fanout',
  'fanout',
  'api',
  'kafka',
  'postgres',
]
const kinds: readonly FaultKind[] = ['kill', 'kill', 'kill', 'kill', 'term', 'pause']

/** What happens to whom and when: the same for the same seed. */
export function planFaults({ seed, count, everyMs, longestAwayMs, brokers = 1 }: FaultPlanOptions): PlannedFault[] {
  const random = new SeededRandom(`faults ${seed}`)
  const targets: Target[] = []
  const whole = [...deck, ...Array<Target>(brokers - 1).fill('kafka')]
  while (targets.length < count) targets.push(...random.shuffled(whole))
  return targets.slice(0, count).map((target) => ({
    target,
    kind: random.pick(kinds),
    waitMs: random.between(everyMs / 2, everyMs * 1.5),
    awayMs: random.between(0, longestAwayMs),
  }))
}
