import { FINGERPRINT_WORDS, fingerprint } from './fingerprint.js'

export interface RecentKeysLimits {
  maxKeys: number
  /** Ms; unset: only the count bounds the window. */
  maxAgeMs?: number
  /** Whether a number is kept with each key: ten bytes more. */
  keepsValues?: boolean
}

const FIRST_CAPACITY = 1_024
/** Of the table: at most a quarter is in use, so that a search hardly ever takes a second step. */
const SLOTS_PER_KEY = 4

/**
 * Remembers the keys seen lately, bounded in count and age, oldest forgotten first. Best effort by design: what it
 * has forgotten is done again under the same ids, and receivers drop the repeat by its event id.
 *
 * A key takes some 40 bytes, as its fingerprint and time in a ring of numbers and its place there in a table. As a string in
 * a Map it took 200, and each a share of every garbage collection: fan-out keeps up to 100,000 for each partition.
 */
export class RecentKeys {
  /** Of the ring, which begins at `#oldest` and goes on at 0 after its last place. A power of two. */
  #capacity = 0
  #fingerprints = new Uint32Array(0)
  #addedAt = new Float64Array(0)
  #values = new Float64Array(0)
  #oldest = 0
  #size = 0
  /** The place of a key in the ring + 1, at the slot that its fingerprint names or the next free one; 0 is free. */
  #table = new Uint32Array(0)
  readonly #wanted = new Uint32Array(FINGERPRINT_WORDS)

  constructor(private readonly limits: RecentKeysLimits) {
    this.#resize(FIRST_CAPACITY)
  }

  get size(): number {
    return this.#size
  }

  has(key: string, now: number): boolean {
    return this.#placeOf(key, now) !== undefined
  }

  /** What was added with the key, where values are kept; undefined where it is not known, or no longer. */
  valueOf(key: string, now: number): number | undefined {
    const at = this.#placeOf(key, now)
    return at === undefined ? undefined : this.#values[at]
  }

  add(key: string, now: number, value = 0): void {
    // A key keeps its first time and value: a stream of repeats must not keep it alive for ever.
    if (this.has(key, now)) return
    // What is over and the same key must go first, or it would be there twice.
    this.#forgetWhatIsOver(now)
    if (this.#size === this.limits.maxKeys) this.#forgetOldest()
    if (this.#size === this.#capacity) this.#resize(2 * this.#capacity)
    const at = (this.#oldest + this.#size) & (this.#capacity - 1)
    this.#fingerprints.set(this.#wanted, at * FINGERPRINT_WORDS)
    this.#addedAt[at] = now
    if (this.limits.keepsValues) this.#values[at] = value
    this.#table[this.#slotOf(this.#wanted, 0)] = at + 1
    this.#size++
  }

  #placeOf(key: string, now: number): number | undefined {
    fingerprint(key, this.#wanted)
    const at = this.#table[this.#slotOf(this.#wanted, 0)]!
    return at > 0 && !this.#isOver(this.#addedAt[at - 1]!, now) ? at - 1 : undefined
  }

  #isOver(addedAt: number, now: number): boolean {
    return now - addedAt >= (this.limits.maxAgeMs ?? Infinity)
  }

  #forgetWhatIsOver(now: number): void {
    while (this.#size > 0 && this.#isOver(this.#addedAt[this.#oldest]!, now)) this.#forgetOldest()
  }

  #forgetOldest(): void {
    this.#free(this.#slotOf(this.#fingerprints, this.#oldest * FINGERPRINT_WORDS))
    this.#oldest = (this.#oldest + 1) & (this.#capacity - 1)
    this.#size--
  }

  /** The slot that names the fingerprint at `from` of `words`, or else the free one where it belongs. */
  #slotOf(words: Uint32Array, from: number): number {
    const mask = this.#table.length - 1
    let slot = words[from]! & mask
    for (let at = this.#table[slot]!; at > 0; at = this.#table[slot]!) {
      const known = (at - 1) * FINGERPRINT_WORDS
      const isSame =
        this.#fingerprints[known] === words[from] &&
        this.#fingerprints[known + 1] === words[from + 1] &&
        this.#fingerprints[known + 2] === words[from + 2]
      if (isSame) break
      slot = (slot + 1) & mask
    }
    return slot
  }

  /** What follows without a gap moves up, unless it stands where it belongs: a search ends at the first free slot. */
  #free(slot: number): void {
    const mask = this.#table.length - 1
    let free = slot
    for (let next = (slot + 1) & mask; this.#table[next]! > 0; next = (next + 1) & mask) {
      const home = this.#fingerprints[(this.#table[next]! - 1) * FINGERPRINT_WORDS]! & mask
      if (((next - home) & mask) < ((next - free) & mask)) continue
      this.#table[free] = this.#table[next]!
      free = next
    }
    this.#table[free] = 0
  }

  #resize(capacity: number): void {
    const fingerprints = new Uint32Array(capacity * FINGERPRINT_WORDS)
    const addedAt = new Float64Array(capacity)
    const values = new Float64Array(this.limits.keepsValues ? capacity : 0)
    for (let i = 0; i < this.#size; i++) {
      const from = (this.#oldest + i) & (this.#capacity - 1)
      const words = this.#fingerprints.subarray(from * FINGERPRINT_WORDS, (from + 1) * FINGERPRINT_WORDS)
      fingerprints.set(words, i * FINGERPRINT_WORDS)
      addedAt[i] = this.#addedAt[from]!
      if (this.limits.keepsValues) values[i] = this.#values[from]!
    }
    this.#capacity = capacity
    this.#fingerprints = fingerprints
    this.#addedAt = addedAt
    this.#values = values
    this.#oldest = 0
    this.#table = new Uint32Array(capacity * SLOTS_PER_KEY)
    for (let i = 0; i < this.#size; i++) this.#table[this.#slotOf(fingerprints, i * FINGERPRINT_WORDS)] = i + 1
  }
}
