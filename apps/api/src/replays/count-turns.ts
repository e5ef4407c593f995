import { Turns } from '../http/turns.js'

/** Each count looks at thousands of rows over and over: more at once would take every connection of the process. */
const MOST_AT_ONCE = 2
/** One under way and the others behind it. */
const MOST_OF_AN_ACCOUNT = 5

/** Who may count what a replay would match: two at a time, and of one account one. */
export class CountTurns {
  readonly #ofAll = new Turns({ underWay: MOST_AT_ONCE, waiting: Infinity })
  readonly #ofAccount = new Turns({ underWay: 1, waiting: MOST_OF_AN_ACCOUNT - 1 })

  /**
   * @param count must settle: everybody waits for it
   * @returns what `count` returns; null when the account has asked for too many at once, and nothing was counted
   */
  async take<T>(accountId: string, count: () => Promise<T>): Promise<T | null> {
    return this.#ofAccount.run(accountId, () => this.#ofAll.run('all', count)!)
  }
}
