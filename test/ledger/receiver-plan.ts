import { type ContextEventType, contextEventTypes } from '#domain'
import { type Temper, goneTemper, tempers } from './receiver-script.js'
import { SeededRandom } from './seeded-random.js'

/** A receiver of a run: where, what it is like, and which events it wants. */
export interface PlannedReceiver {
  path: string
  temper: Temper
  types: ContextEventType[]
}

/** How often each type is posted, in proportion. */
export const eventWeights: Record<ContextEventType, number> = {
  'context.created': 2,
  'context.updated': 5,
  'context.deleted': 1,
  'context.published': 1,
  'context.unpublished': 1,
}

/** Receivers that hang or are slow every time need a rate that their lanes can carry: the rarest type goes there. */
const RARE: ContextEventType[] = ['context.deleted']

/** Every temper in turn; the last receiver answers 410 to the first delivery that it gets. */
export function mixedReceivers(seed: number, count: number): PlannedReceiver[] {
  const random = new SeededRandom(`receivers ${seed}`)
  return Array.from({ length: count }, (_, i) => {
    const temper = i === count - 1 ? goneTemper : tempers[i % tempers.length]!
    const types = random.shuffled(contextEventTypes).slice(0, random.between(2, 4))
    return { path: `/${i}-${temper.name}`, temper, types: temper.hang > 0.01 ? RARE : types }
  })
}

/** A tenth of them is always slow; the others answer everything at once. */
export function mostlyQuick(count: number): PlannedReceiver[] {
  const [quick, slow]: Temper[] = [
    { name: 'quick', error: 0, slow: 0, hang: 0, reset: 0 },
    { name: 'slow', error: 0, slow: 1, hang: 0, reset: 0 },
  ]
  return Array.from({ length: count }, (_, i) =>
    i < count / 10
      ? { path: `/${i}-slow`, temper: slow!, types: RARE }
      : { path: `/${i}-quick`, temper: quick!, types: contextEventTypes },
  )
}
