/** Ms. */
const ASK_AGAIN_MS = 5_000

/** What is asked of the read model at a takeover: while it is away delivery goes on, and it is asked again. */
export class AskedAgain {
  #timer: NodeJS.Timeout | undefined
  #asked = 0

  constructor(private readonly onFailure: (error: unknown) => void) {}

  /** Now, and after each failure once more; until then only when nobody has asked anew. Never rejects. */
  async ask(read: () => Promise<void>): Promise<void> {
    clearTimeout(this.#timer)
    const number = ++this.#asked
    try {
      await read()
    } catch (error) {
      // Who asked after it will hear for it, too.
      if (number !== this.#asked) return
      this.onFailure(error)
      this.#timer = setTimeout(() => void this.ask(read), ASK_AGAIN_MS)
      this.#timer.unref()
    }
  }
}
