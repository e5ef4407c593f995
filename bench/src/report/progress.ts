import { StartConsole } from '../../../local/src/console.js'
import type { LoadSample } from '../measure/load-window.js'
import type { Row } from './row.js'
import { formatValue } from './table.js'

/** What is going on, on one line that is written over in a terminal, and what was measured, one line each. */
export class Progress {
  // It also keeps a closed terminal or pipe from ending us before our children have been stopped.
  readonly #colours = new StartConsole().colours
  readonly #isTerminal = process.stdout.isTTY === true

  line(text = ''): void {
    this.#clear()
    process.stdout.write(`${text}\n`)
  }

  title(text: string): void {
    this.line(`\n${this.#colours.bold(text)}`)
  }

  /** Seen only in a terminal, until the next word. */
  now(text: string): void {
    if (!this.#isTerminal) return
    this.#clear()
    process.stdout.write(this.#colours.dim(`  … ${text}`.slice(0, (process.stdout.columns ?? 80) - 1)))
  }

  /** For a load's samples. */
  sample(label: string): (sample: LoadSample) => void {
    return ({ secondsLeft, backlog }) =>
      this.now(`${label}: ${formatValue(secondsLeft, 0)} s left, backlog ${formatValue(backlog, 0)}`)
  }

  /** A measurement is done: its main figures, with a remark. */
  done({ label, values, notes }: Row, remark = ''): void {
    const { p50, p99 } = values
    const latency = p50 === undefined ? '' : `p50 ${formatValue(p50, 1)} ms, p99 ${formatValue(p99, 1)} ms`
    this.line(`  ${label.padEnd(44)} ${[latency, remark].filter(Boolean).join(', ')}`)
    for (const note of notes) this.line(`    ${this.#colours.yellow('!')} ${note}`)
  }

  error(text: string): void {
    this.#clear()
    process.stderr.write(`${this.#colours.red('✗')} ${text}\n`)
  }

  #clear(): void {
    if (this.#isTerminal) process.stdout.write('\r\u001b[K')
  }
}
