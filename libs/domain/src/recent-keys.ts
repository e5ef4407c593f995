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
  /** Key -> when it was added. A Map iterates in insertion order, which is age. */
  readonly #addedAt = new Map<string, number>()

  constructor(private readonly limits: RecentKeysLimits) {}

  get size(): number {
    return this.#addedAt.size
  }

  has(key: string, now: number): boolean {
    const addedAt = this.#addedAt.get(key)
    return addedAt !== undefined && now - addedAt < (this.limits.maxAgeMs ?? Infinity)
  }

  add(key: string, now: number): void {
    // A key keeps its first time: a stream of repeats must not keep it alive for ever.
    if (this.has(key, now)) return
    this.#addedAt.delete(key)
    this.#addedAt.set(key, now)
    this.#forget(now)
  }

  #forget(now: number): void {
    const { maxKeys, maxAgeMs = Infinity } = this.limits
    for (const [key, addedAt] of this.#addedAt) {
      if (this.#addedAt.size <= maxKeys && now - addedAt < maxAgeMs) return
      this.#addedAt.delete(key)
    }
  }
}
