/** Where progress goes: standard error of the command, usually. */
export interface ProgressOutput {
  isTTY?: boolean
  write(text: string): unknown
}

/** On a terminal the line is renewed this often, elsewhere a line is added more rarely. Ms. */
const RENEW_EVERY_MS = 250
const ADD_EVERY_MS = 5_000

/** One calm line that is renewed in place on a terminal; plain lines, few of them, in a file or a pipe. */
export class ProgressLine {
  #shownAt = -Infinity
  #isOpen = false

  constructor(
    private readonly output: ProgressOutput,
    private readonly now: () => number = Date.now,
  ) {}

  /** May be called as often as anything happens. */
  show(text: string): void {
    const everyMs = this.output.isTTY ? RENEW_EVERY_MS : ADD_EVERY_MS
    if (this.now() - this.#shownAt < everyMs) return
    this.#shownAt = this.now()
    if (this.output.isTTY) this.output.write(`\r\u001b[2K${text}`)
    else this.output.write(`${text}\n`)
    this.#isOpen = this.output.isTTY === true
  }

  /** A line that stays. */
  say(text: string): void {
    this.end()
    this.output.write(`${text}\n`)
  }

  /** Leaves the terminal's line free for what follows. */
  end(): void {
    if (this.#isOpen) this.output.write('\r\u001b[2K')
    this.#isOpen = false
  }
}
