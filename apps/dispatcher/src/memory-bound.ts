import { Injectable } from '@nestjs/common'
import { type Work, heldBytes } from './work.js'

/** What one process holds at most before it stops reading on. Beyond it memory grows with the receivers' slowness. */
const MOST_RECORDS = 20_000
const MOST_BYTES = 96 * 1024 * 1024

/**
 * Counts what the process holds. It is full at its limits and stays so down to half of them, so that reading does
 * not stop and go with each record.
 */
@Injectable()
export class MemoryBound {
  #records = 0
  #bytes = 0
  #full = false
  #onChange: (full: boolean) => void = () => undefined

  get records(): number {
    return this.#records
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Called with true when reading has to stop, and with false when it may go on. */
  onChange(listener: (full: boolean) => void): void {
    this.#onChange = listener
  }

  get isFull(): boolean {
    return this.#full
  }

  add(work: Work): void {
    this.#records++
    this.#bytes += heldBytes(work)
    this.#update()
  }

  remove(work: Work): void {
    this.#records--
    this.#bytes -= heldBytes(work)
    this.#update()
  }

  #update(): void {
    const share = Math.max(this.#records / MOST_RECORDS, this.#bytes / MOST_BYTES)
    const full = this.#full ? share > 1 / 2 : share >= 1
    if (full === this.#full) return
    this.#full = full
    this.#onChange(full)
  }
}
