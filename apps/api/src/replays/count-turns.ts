/** Each count looks at thousands of rows over and over: more at once would take every connection of the process. */
const MOST_AT_ONCE = 2
/** One under way and the others behind it. */
const MOST_OF_AN_ACCOUNT = 5

/** Who may count what a replay would match: two at a time, and of one account one. */
export class CountTurns {
  #underWay = 0
  readonly #waiting: (() => void)[] = []
  readonly #ofAccount = new Map<string, { asked: number; last: Promise<unknown> }>()

  /**
   * @param count must settle: everybody waits for it
   * @returns what `count` returns; null when the account has asked for too many at once, and nothing was counted
   */
  async take<T>(accountId: string, count: () => Promise<T>): Promise<T | null> {
    const mine = this.#ofAccount.get(accountId) ?? { asked: 0, last: Promise.resolve() }
    if (mine.asked >= MOST_OF_AN_ACCOUNT) return null
    mine.asked++
    this.#ofAccount.set(accountId, mine)
    const before = mine.last
    const counted = before.then(() => this.#run(count))
    mine.last = counted.catch(() => undefined)
    try {
      return await counted
    } finally {
      if (--mine.asked === 0) this.#ofAccount.delete(accountId)
    }
  }

  async #run<T>(count: () => Promise<T>): Promise<T> {
    if (this.#underWay < MOST_AT_ONCE) this.#underWay++
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await count()
    } finally {
      // The place is handed on, or given back.
      const next = this.#waiting.shift()
      if (next) next()
      else this.#underWay--
    }
  }
}
