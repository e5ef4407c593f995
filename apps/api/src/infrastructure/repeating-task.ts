/**
 * Work that is done again and again: every so often, at once when it is woken, never two at a time. A failure is
 * handed on and the next turn comes all the same.
 */
export class RepeatingTask {
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #isWoken = false
  readonly #stopping = new AbortController()

  /**
   * @param work given a signal that is aborted when the task is stopped; a turn that this breaks off has not failed
   */
  constructor(
    private readonly work: (stopping: AbortSignal) => Promise<void>,
    private readonly everyMs: number,
    private readonly onFailed: (error: unknown) => void,
  ) {}

  start(): void {
    this.#begin()
  }

  /** Before its time: now, or right after the turn that is running and may have looked too early. */
  wake(): void {
    if (this.#stopping.signal.aborted) return
    this.#isWoken = true
    if (!this.#running) this.#begin()
  }

  /** Lets a turn that runs finish, or break off. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    clearTimeout(this.#timer)
    await this.#running
  }

  #begin(): void {
    clearTimeout(this.#timer)
    this.#isWoken = false
    this.#running = this.#turn().finally(() => {
      this.#running = undefined
      if (this.#stopping.signal.aborted) return
      if (this.#isWoken) return this.#begin()
      this.#timer = setTimeout(() => this.#begin(), this.everyMs)
      this.#timer.unref()
    })
  }

  async #turn(): Promise<void> {
    const { signal } = this.#stopping
    try {
      await this.work(signal)
    } catch (error) {
      const isBrokenOff = signal.aborted && error instanceof Error && error.name === 'AbortError'
      if (!isBrokenOff) this.onFailed(error)
    }
  }
}
