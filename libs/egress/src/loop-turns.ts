/**
 * Lets work that is heavy and can wait begin one piece at a time, each in a turn of the event loop of its own. What is
 * ready to be read or written goes between two pieces, however many of them there are.
 */
export class LoopTurns {
  private readonly waiting: (() => void)[] = []

  /** Resolves when it is this piece's turn: never in the present one. */
  next(): Promise<void> {
    return new Promise((resolve) => {
      if (this.waiting.push(resolve) === 1) setImmediate(() => this.take())
    })
  }

  private take(): void {
    this.waiting.shift()?.()
    if (this.waiting.length > 0) setImmediate(() => this.take())
  }
}
