/** An amount of what is kept in memory. */
export interface Held {
  records: number
  bytes: number
}

const NOTHING: Held = { records: 0, bytes: 0 }

/**
 * Counts what is held of one kind. It is full at its limits and stays so down to half of them, so that reading does
 * not stop and go with each record.
 */
export class MemoryBound {
  readonly #held: Held = { records: 0, bytes: 0 }
  #full = false
  #onChange: (full: boolean) => void = () => undefined

  constructor(private readonly most: Held) {}

  get records(): number {
    return this.#held.records
  }

  get bytes(): number {
    return this.#held.bytes
  }

  /** Called with true when reading has to stop, and with false when it may go on. */
  onChange(listener: (full: boolean) => void): void {
    this.#onChange = listener
  }

  get isFull(): boolean {
    return this.#full
  }

  /** One record more, of so many bytes. */
  add(bytes: number): void {
    this.#held.records++
    this.#held.bytes += bytes
    this.#update()
  }

  /** One record less, of as many bytes as it was added with. */
  remove(bytes: number): void {
    this.#held.records--
    this.#held.bytes -= bytes
    this.#update()
  }

  /** How full it is: 1 at its limits. */
  get share(): number {
    return this.shareWithout(NOTHING)
  }

  /** How full it would be without so much of it. */
  shareWithout({ records, bytes }: Held): number {
    return Math.max((this.records - records) / this.most.records, (this.bytes - bytes) / this.most.bytes)
  }

  /** Whether it would be full without so much of it. */
  isFullWithout(held: Held): boolean {
    const share = this.shareWithout(held)
    return this.#full ? share > 1 / 2 : share >= 1
  }

  #update(): void {
    const full = this.isFullWithout(NOTHING)
    if (full === this.#full) return
    this.#full = full
    this.#onChange(full)
  }
}
