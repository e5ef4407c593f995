interface Entry<K, V> {
  readonly key: K
  readonly value: V
  older: Entry<K, V> | undefined
  younger: Entry<K, V> | undefined
}

/**
 * A map of the entries set last, at most `mostEntries`; beyond them the oldest is forgotten.
 *
 * Not a Map whose first key is deleted: V8 keeps a hole for every deleted key until it rehashes, and looking for the
 * first key walks over all of them. With 200,000 keys that took 15 to 150 µs for each new one.
 */
export class BoundedMap<K, V> {
  readonly #entries = new Map<K, Entry<K, V>>()
  #oldest: Entry<K, V> | undefined
  #youngest: Entry<K, V> | undefined

  constructor(private readonly mostEntries: number) {}

  get size(): number {
    return this.#entries.size
  }

  get oldest(): V | undefined {
    return this.#oldest?.value
  }

  get(key: K): V | undefined {
    return this.#entries.get(key)?.value
  }

  /** The key is the youngest then, also if it was known before. */
  set(key: K, value: V): void {
    const known = this.#entries.get(key)
    if (known) this.#unlink(known)
    const entry: Entry<K, V> = { key, value, older: this.#youngest, younger: undefined }
    if (this.#youngest) this.#youngest.younger = entry
    else this.#oldest = entry
    this.#youngest = entry
    this.#entries.set(key, entry)
    if (this.#entries.size > this.mostEntries) this.forgetOldest()
  }

  forgetOldest(): void {
    const entry = this.#oldest
    if (!entry) return
    this.#unlink(entry)
    this.#entries.delete(entry.key)
  }

  #unlink(entry: Entry<K, V>): void {
    const { older, younger } = entry
    if (older) older.younger = younger
    else this.#oldest = younger
    if (younger) younger.older = older
    else this.#youngest = older
    // Else one that has grown old would keep those after it alive until the whole heap is collected.
    entry.older = entry.younger = undefined
  }
}
