export interface TurnLimits {
  /** Of one key at once. */
  underWay: number
  /** Of one key behind them. */
  waiting: number
}

/** Gives the turn to the next; a second call does nothing. */
export type EndTurn = () => void

interface Line {
  underWay: number
  /** Each begins a turn. In the order in which they came. */
  waiting: (() => void)[]
}

/** Who may do now what costs much: of each key so many at once, the next ones in turn, and no more than that. */
export class Turns {
  /** Of keys of which something is under way. */
  readonly #lines = new Map<string, Line>()

  constructor(private readonly limits: TurnLimits) {}

  /** @returns the turn, once it has come, which must be ended: others wait for it; null when there is no place to wait */
  take(key: string): Promise<EndTurn> | null {
    const line = this.#lines.get(key) ?? { underWay: 0, waiting: [] }
    if (line.underWay < this.limits.underWay) {
      this.#lines.set(key, line)
      line.underWay++
      return Promise.resolve(this.#turnOf(key, line))
    }
    if (line.waiting.length >= this.limits.waiting) return null
    return new Promise((resolve) => line.waiting.push(() => resolve(this.#turnOf(key, line))))
  }

  /**
   * Waits no longer than this. Ms.
   * @returns the turn, which must be ended; or `full` when there is no place to wait, or `late` when it has not come: then
   *   it goes on to the next as soon as it does
   */
  async takeWithin(key: string, ms: number): Promise<EndTurn | 'full' | 'late'> {
    const turn = this.take(key)
    if (!turn) return 'full'
    let timer: NodeJS.Timeout | undefined
    const tooLate = new Promise<'late'>((resolve) => (timer = setTimeout(resolve, ms, 'late')))
    const outcome = await Promise.race([turn, tooLate])
    clearTimeout(timer)
    if (outcome === 'late') void turn.then((end) => end())
    return outcome
  }

  /**
   * @param work must settle: everybody behind it waits for it
   * @returns what `work` returns; null when there is no place to wait, and nothing was begun
   */
  run<T>(key: string, work: () => Promise<T>): Promise<T> | null {
    const turn = this.take(key)
    return turn && turn.then((end) => inTurn(end, work))
  }

  /** How many are remembered. */
  get keys(): number {
    return this.#lines.size
  }

  #turnOf(key: string, line: Line): EndTurn {
    let isEnded = false
    return () => {
      if (isEnded) return
      isEnded = true
      // The place is handed on, or given back.
      const next = line.waiting.shift()
      if (next) next()
      else if (--line.underWay === 0) this.#lines.delete(key)
    }
  }
}

/** Ends the turn when `work` has settled. */
export async function inTurn<T>(end: EndTurn, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } finally {
    end()
  }
}
