import { BoundedMap } from './bounded-map.js'

export interface RecentKeysLimits {
  maxKeys: number
  /** Ms; unset: only the count bounds the window. */
  maxAgeMs?: number
}

/**
 * Remembers the keys seen lately, bounded in count and age, oldest forgotten first. Best effort by design: what it
 * has forgotten is done again under the same ids, and receivers drop the repeat by its event id.
 */
export class RecentKeys {
  /** Key -> when it was added. */
  readonly #addedAt: BoundedMap<string, number>

  constructor(private readonly limits: RecentKeysLimits) {
    this.#addedAt = new BoundedMap(limits.maxKeys)
  }

  get size(): number {
    return this.#addedAt.size
  }

  has(key: string, now: number): boolean {
    const addedAt = this.#addedAt.get(key)
    return addedAt !== undefined && !this.#isOver(addedAt, now)
  }

  add(key: string, now: number): void {
    // A key keeps its first time: a stream of repeats must not keep it alive for ever.
    if (this.has(key, now)) return
    this.#addedAt.set(key, now)
    // The key just added is not over, so that there always is an oldest.
    while (this.#isOver(this.#addedAt.oldest!, now)) this.#addedAt.forgetOldest()
  }

  #isOver(addedAt: number, now: number): boolean {
    return now - addedAt >= (this.limits.maxAgeMs ?? Infinity)
  }
}
