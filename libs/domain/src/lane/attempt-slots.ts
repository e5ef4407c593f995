/** Whether a lane has shown a success lately. */
export type Standing = 'proven' | 'unproven'

/** What lanes without a recent success may take of the whole, together: a thousand hung webhooks cannot eat it. */
const UNPROVEN_SHARE = 1 / 4

/** The process-wide limit on requests under way. Lanes that have not shown a success lately share a quarter of it. */
export class AttemptSlots {
  #taken = 0
  #takenUnproven = 0

  constructor(readonly total: number) {}

  get taken(): number {
    return this.#taken
  }

  /** @returns whether a slot was free; `release` it with the same `proven` */
  take(proven: boolean): boolean {
    if (!this.hasRoom(proven)) return false
    this.#taken++
    if (!proven) this.#takenUnproven++
    return true
  }

  hasRoom(proven: boolean): boolean {
    if (this.#taken >= this.total) return false
    return proven || this.#takenUnproven < Math.max(1, this.total * UNPROVEN_SHARE)
  }

  release(proven: boolean): void {
    this.#taken--
    if (!proven) this.#takenUnproven--
  }
}
