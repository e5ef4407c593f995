/**
 * When each delivery of one measurement arrived first. An event has `fanOut` deliveries, told apart by their position
 * among the event's webhooks. Times are those of `performance.now()`, ms.
 */
export class DeliveryLedger {
  delivered = 0
  /** Arrivals of what had arrived before: retries after an answer that was lost, or after a crash. */
  repeats = 0
  /** Arrivals that belong to no event of this measurement. Anything but 0 is a defect. */
  invented = 0
  // 0: not yet.
  readonly #arrivedAt: Float64Array

  constructor(
    readonly tag: string,
    readonly events: number,
    readonly fanOut: number,
  ) {
    this.#arrivedAt = new Float64Array(events * fanOut)
  }

  arrived(sequence: number, position: number, nowMs: number): void {
    const slot = sequence * this.fanOut + position
    if (!(sequence < this.events) || position >= this.fanOut) this.invented++
    else if (this.#arrivedAt[slot] !== 0) this.repeats++
    else {
      this.#arrivedAt[slot] = nowMs
      this.delivered++
    }
  }

  arrivedAt(sequence: number, position: number): number | undefined {
    return this.#arrivedAt[sequence * this.fanOut + position] || undefined
  }
}
