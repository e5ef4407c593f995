/** Items by the time at which they are due, earliest first (a binary heap: a million waits cost no sorting). */
export class DueHeap<T> {
  readonly #heap: { dueAt: number; item: T }[] = []

  get size(): number {
    return this.#heap.length
  }

  /** Of the earliest item, ms since the epoch; undefined when empty. */
  get nextDueAt(): number | undefined {
    return this.#heap[0]?.dueAt
  }

  add(item: T, dueAt: number): void {
    this.#heap.push({ item, dueAt })
    this.#siftUp(this.#heap.length - 1)
  }

  /** Takes the earliest item when it is due. */
  takeDue(now: number): T | undefined {
    const first = this.#heap[0]
    if (!first || first.dueAt > now) return undefined
    const last = this.#heap.pop()!
    if (this.#heap.length > 0) {
      this.#heap[0] = last
      this.#siftDown(0)
    }
    return first.item
  }

  /** Takes out everything that matches, due or not. */
  removeWhere(matches: (item: T) => boolean): T[] {
    const removed = this.#heap.filter(({ item }) => matches(item)).map(({ item }) => item)
    if (removed.length === 0) return removed
    const kept = this.#heap.filter(({ item }) => !matches(item))
    this.#heap.length = 0
    for (const { item, dueAt } of kept) this.add(item, dueAt)
    return removed
  }

  #siftUp(index: number): void {
    const heap = this.#heap
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (heap[parent]!.dueAt <= heap[index]!.dueAt) return
      ;[heap[parent], heap[index]] = [heap[index]!, heap[parent]!]
      index = parent
    }
  }

  #siftDown(index: number): void {
    const heap = this.#heap
    for (;;) {
      let least = index
      for (const child of [2 * index + 1, 2 * index + 2]) {
        if (child < heap.length && heap[child]!.dueAt < heap[least]!.dueAt) least = child
      }
      if (least === index) return
      ;[heap[least], heap[index]] = [heap[index]!, heap[least]!]
      index = least
    }
  }
}
