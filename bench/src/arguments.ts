import { parseArgs } from 'node:util'

export interface BenchArguments {
  /** Names of scenarios; empty: all. */
  scenarios: string[]
  repeats: number
  seconds: number
  quick: boolean
  write: boolean
  profile: boolean
  help: boolean
}

export function usage(names: readonly string[]): string {
  return `npm run bench -- [scenario …] [--repeats 3] [--seconds 60] [--quick] [--write] [--profile]

  scenarios      ${names.join(' ')}; all of them unless told
  --repeats <n>  how often everything is measured, 1 to 10
  --seconds <n>  length of a measured window, 2 to 600
  --quick        one repeat of 8 s with less of everything: shows that it works, says little about speed
  --write        writes the tables to docs/benchmark.md, where those of other scenarios stay as they are
  --profile      also writes a CPU profile of each service, and shows its hottest functions; slows them by some percent
  --help         this text

It starts its own Kafka, Postgres and services on free ports, and ends them. Kafka and Postgres keep their data
in .local/bench-… while it runs: some gigabytes.`
}

/** @throws Error naming what is wrong, with the usage */
export function parseBenchArguments(argv: readonly string[], names: readonly string[]): BenchArguments {
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true })
    const unknown = positionals.find((name) => !names.includes(name))
    if (unknown !== undefined) throw new Error(`unknown scenario ${unknown}`)
    const quick = values.quick === true
    return {
      scenarios: positionals,
      repeats: within('--repeats', values.repeats ?? (quick ? '1' : '3'), 1, 10),
      seconds: within('--seconds', values.seconds ?? (quick ? '8' : '60'), 2, 600),
      quick,
      write: values.write === true,
      profile: values.profile === true,
      help: values.help === true,
    }
  } catch (error) {
    throw new Error(`${(error as Error).message}\n\n${usage(names)}`, { cause: error })
  }
}

const options = {
  repeats: { type: 'string' },
  seconds: { type: 'string' },
  quick: { type: 'boolean' },
  write: { type: 'boolean' },
  profile: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

function within(name: string, text: string, least: number, most: number): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new Error(`${name} is a whole number from ${least} to ${most}, and not "${text}"`)
  }
  return value
}
