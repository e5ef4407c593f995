export interface StartArguments {
  /** The sample receiver and its webhook. */
  sample: boolean
  /** Begin anew: forget the data of earlier starts. */
  reset: boolean
  help: boolean
}

export const usage = `npm start -- [--no-sample] [--reset]

  --no-sample   without the sample receiver; also removes the webhook that an earlier start made for it
  --reset       begins anew: removes the local Kafka's and Postgres's data, keys, logs and mail
  --help        this text

KAFKA_BROKERS and DATABASE_URL point at servers of yours; every other variable of .env.example that is set reaches
the services.`

/** @throws Error naming the argument that nobody knows */
export function parseStartArguments(argv: readonly string[]): StartArguments {
  const known = new Set(['--no-sample', '--reset', '--help', '-h'])
  const unknown = argv.find((argument) => !known.has(argument))
  if (unknown !== undefined) throw new Error(`unknown argument ${unknown}\n\n${usage}`)
  return {
    sample: !argv.includes('--no-sample'),
    reset: argv.includes('--reset'),
    help: argv.includes('--help') || argv.includes('-h'),
  }
}
