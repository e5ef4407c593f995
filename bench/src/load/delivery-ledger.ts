/**
 * When each delivery of one measurement arrived first. An event has `fanOut` deliveries, told apart by their position
 * among the event's webhooks. Times are those of `performance.now()`, ms.
 */
export class DeliveryLedger {
  delivered = 0
  /** Arrivals that belong to no event of this measurement. Anything but 0 is a defect. */
  invented = 0
  // 0: not yet.
  readonly #arrivedAt: Float64Array
  readonly #repeated: number[] = []

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
    else if (this.#arrivedAt[slot] !== 0) this.#repeated.push(slot)
    else {
      this.#arrivedAt[slot] = nowMs
      this.delivered++
    }
  }

  /** Arrivals of what had arrived before: retries, as of an answer that was lost, or deliveries again after a crash. */
  get repeats(): number {
    return this.#repeated.length
  }

  /** Those of them that the caller asks for. */
  repeatsOf(isMeant: (sequence: number, position: number) => boolean): number {
    return this.#repeated.filter((slot) => isMeant(Math.floor(slot / this.fanOut), slot % this.fanOut)).length
  }

  arrivedAt(sequence: number, position: number): number | undefined {
    return this.#arrivedAt[sequence * this.fanOut + position] || undefined
  }
}
