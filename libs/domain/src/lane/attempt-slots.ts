/**
 * What a lane has shown lately, the best first:
 * - `proven`: a success, and its receiver answers
 * - `untried`: nothing yet
 * - `unproven`: anything else
 */
export const STANDINGS = ['proven', 'untried', 'unproven'] as const
export type Standing = (typeof STANDINGS)[number]

/** Of the whole, for all lanes of a standing together: a thousand hung webhooks cannot eat it, nor can they when new. */
const SHARES: Record<Standing, number> = { proven: 1, untried: 1 / 2, unproven: 1 / 4 }

/** The process-wide limit on requests under way. */
export class AttemptSlots {
  #taken = 0
  readonly #takenBy: Record<Standing, number> = { proven: 0, untried: 0, unproven: 0 }

  constructor(readonly total: number) {}

  get taken(): number {
    return this.#taken
  }

  /** @returns whether a slot was free; `release` it with the same standing, whatever the lane shows meanwhile */
  take(standing: Standing): boolean {
    if (!this.hasRoom(standing)) return false
    this.#taken++
    this.#takenBy[standing]++
    return true
  }

  hasRoom(standing: Standing): boolean {
    if (this.#taken >= this.total) return false
    return this.#takenBy[standing] < Math.max(1, this.total * SHARES[standing])
  }

  release(standing: Standing): void {
    this.#taken--
    this.#takenBy[standing]--
  }
}
