/**
 * How long all lanes wait at most for a rebalance to end. Others hear of it up to a heartbeat and a fetch later (1.5 s),
 * wait for what they have under way (0.5 s) and commit (at most 1 s); one that takes longer is ill. Ms.
 */
const LONGEST_MS = 3_000

/** The time in which partitions change hands: nothing begins, so that nothing need be repeated by the next owner. */
export class HandOver {
  #timer: NodeJS.Timeout | undefined

  /** @param onEnd called at each end, also without a beginning: when the group is joined for the first time */
  constructor(private readonly onEnd: () => void) {}

  get isUnderWay(): boolean {
    return this.#timer !== undefined
  }

  begin(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.end(), LONGEST_MS)
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.onEnd()
  }
}
