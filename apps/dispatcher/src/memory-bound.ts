import { Injectable } from '@nestjs/common'
import { type Work, heldBytes } from './work.js'

export interface Held {
  records: number
  bytes: number
}

/** Beyond these memory would grow with the receivers' slowness. Each has its own, so that none is in the others' way. */
const LIVE: Held = { records: 20_000, bytes: 64 * 1024 * 1024 }
const TIERS: Held = { records: 12_000, bytes: 32 * 1024 * 1024 }
const REPLAYS: Held = { records: 8_000, bytes: 24 * 1024 * 1024 }

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

  add(work: Work): void {
    this.#held.records++
    this.#held.bytes += heldBytes(work)
    this.#update()
  }

  remove(work: Work): void {
    this.#held.records--
    this.#held.bytes -= heldBytes(work)
    this.#update()
  }

  /** How full it would be without so much of it: 1 at its limits. */
  shareWithout({ records, bytes }: Held): number {
    return Math.max((this.records - records) / this.most.records, (this.bytes - bytes) / this.most.bytes)
  }

  #update(): void {
    const share = this.shareWithout({ records: 0, bytes: 0 })
    const full = this.#full ? share > 1 / 2 : share >= 1
    if (full === this.#full) return
    this.#full = full
    this.#onChange(full)
  }
}

/** What one process holds at most before it stops reading on. */
@Injectable()
export class MemoryBounds {
  /** In lanes, queued or under way. Full, it stops everything: for what may wait for hours it must not count. */
  readonly live = new MemoryBound(LIVE)
  /** Read ahead of the tiers. */
  readonly tiers = new MemoryBound(TIERS)
  /** In lanes and in front of them. */
  readonly replays = new MemoryBound(REPLAYS)

  get records(): number {
    return this.live.records + this.tiers.records + this.replays.records
  }

  get bytes(): number {
    return this.live.bytes + this.tiers.bytes + this.replays.bytes
  }
}
