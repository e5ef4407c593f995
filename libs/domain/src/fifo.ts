/** A queue that gives from its front in constant time, also when thousands wait, and can give back from its end. */
export class Fifo<T> {
  #items: (T | undefined)[] = []
  #head = 0

  get length(): number {
    return this.#items.length - this.#head
  }

  /** The next one that `shift` gives. */
  get first(): T | undefined {
    return this.#items[this.#head]
  }

  push(item: T): void {
    this.#items.push(item)
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined
    const item = this.#items[this.#head]
    this.#items[this.#head++] = undefined
    if (this.#head > 1_024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }

  unshift(item: T): void {
    if (this.#head > 0) this.#items[--this.#head] = item
    else this.#items.unshift(item)
  }

  /** The newest. */
  pop(): T | undefined {
    return this.length === 0 ? undefined : this.#items.pop()
  }

  removeWhere(matches: (item: T) => boolean): T[] {
    const all = this.#items.slice(this.#head) as T[]
    const removed = all.filter(matches)
    if (removed.length > 0) {
      this.#items = all.filter((item) => !matches(item))
      this.#head = 0
    }
    return removed
  }
}
