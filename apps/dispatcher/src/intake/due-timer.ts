import { DueHeap } from './due-heap.js'

/** Beyond it a timer of Node's fires at once, and again and again. Ms. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1

/** Hands items out when they are due, earliest first, with one timer for however many wait. */
export class DueTimer<T> {
  readonly #heap = new DueHeap<T>()
  #timer: NodeJS.Timeout | undefined
  #timerAt = Infinity

  constructor(private readonly onDue: (item: T) => void) {}

  get size(): number {
    return this.#heap.size
  }

  /** @param dueAt ms since the epoch */
  add(item: T, dueAt: number): void {
    this.#heap.add(item, dueAt)
    this.#arm()
  }

  /** Takes out everything that matches, due or not. */
  removeWhere(matches: (item: T) => boolean): T[] {
    return this.#heap.removeWhere(matches)
  }

  /** Nothing is handed out any more. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#timerAt = -Infinity
  }

  #arm(): void {
    const next = this.#heap.nextDueAt
    if (next === undefined || next >= this.#timerAt) return
    clearTimeout(this.#timer)
    this.#timerAt = next
    this.#timer = setTimeout(() => this.#release(), Math.min(Math.max(0, next - Date.now()), LONGEST_TIMER_MS))
  }

  #release(): void {
    this.#timerAt = Infinity
    for (let item = this.#heap.takeDue(Date.now()); item !== undefined; item = this.#heap.takeDue(Date.now())) {
      this.onDue(item)
    }
    this.#arm()
  }
}
