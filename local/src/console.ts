export interface Colours {
  bold(text: string): string
  dim(text: string): string
  green(text: string): string
  red(text: string): string
  yellow(text: string): string
}

/** Colours only for a terminal, and never against NO_COLOR's wish (https://no-color.org). */
export function coloursFor(stream: { isTTY?: boolean }, environment: NodeJS.ProcessEnv): Colours {
  const coloured = stream.isTTY === true && !environment.NO_COLOR
  const paint = (code: number) => (text: string) => (coloured ? `\u001b[${code}m${text}\u001b[0m` : text)
  return { bold: paint(1), dim: paint(2), green: paint(32), red: paint(31), yellow: paint(33) }
}

/** What `npm start` says: one line per thing that happened. */
export class StartConsole {
  readonly colours = coloursFor(process.stdout, process.env)
  private readonly begun = performance.now()

  constructor() {
    // A closed terminal or pipe must not end us before our children have been stopped in order.
    for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
  }

  line(text = ''): void {
    process.stdout.write(`${text}\n`)
  }

  /** Reports a step when it is done, with its time. */
  async step<T>(done: (result: T) => string, work: Promise<T>): Promise<T> {
    const begun = performance.now()
    const result = await work
    const { green, dim } = this.colours
    this.line(`  ${green('✓')} ${done(result).padEnd(56)} ${dim(seconds(performance.now() - begun))}`)
    return result
  }

  warn(text: string): void {
    this.line(`  ${this.colours.yellow('!')} ${text}`)
  }

  error(text: string): void {
    process.stderr.write(`\n${coloursFor(process.stderr, process.env).red('✗')} ${text}\n`)
  }

  /** Since the start, for people. */
  elapsed(): string {
    return seconds(performance.now() - this.begun)
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
