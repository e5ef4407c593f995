/**
 * Work that is done again and again: every so often, at once when it is woken, never two at a time. A failure is
 * handed on and the next turn comes all the same.
 */
export class RepeatingTask {
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #isWoken = false
  #isStopped = false

  constructor(
    private readonly work: () => Promise<void>,
    private readonly everyMs: number,
    private readonly onFailed: (error: unknown) => void,
  ) {}

  start(): void {
    this.#begin()
  }

  /** Before its time: now, or right after the turn that is running and may have looked too early. */
  wake(): void {
    if (this.#isStopped) return
    this.#isWoken = true
    if (!this.#running) this.#begin()
  }

  /** Lets a turn that runs finish. */
  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    await this.#running
  }

  #begin(): void {
    clearTimeout(this.#timer)
    this.#isWoken = false
    this.#running = this.#turn().finally(() => {
      this.#running = undefined
      if (this.#isStopped) return
      if (this.#isWoken) return this.#begin()
      this.#timer = setTimeout(() => this.#begin(), this.everyMs)
      this.#timer.unref()
    })
  }

  async #turn(): Promise<void> {
    try {
      await this.work()
    } catch (error) {
      this.onFailed(error)
    }
  }
}
