import { pino, type DestinationStream, type Logger, type LoggerOptions, stdSerializers, stdTimeFunctions } from 'pino'
import pretty from 'pino-pretty'

export type { Logger }

/** Fields that may never be printed, wherever they turn up. */
const UNPRINTABLE = new Set([
  'secret',
  'secrets',
  'authorization',
  'password',
  'apiKey',
  'key',
  'secretsKey',
  'databaseUrl',
  'smtpUrl',
])

export interface LoggerSettings {
  service: string
  level: 'debug' | 'info' | 'warn' | 'error'
}

/**
 * One wide JSON line per stage, for machines; on a terminal the same, readable. Secrets are removed by field name,
 * and URLs are logged by host only where they are logged at all. `destination` is for tests; lines go to standard
 * output otherwise.
 */
export function createLogger({ service, level }: LoggerSettings, destination?: DestinationStream): Logger {
  const options: LoggerOptions = {
    level,
    base: { service },
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }), log: printable },
    serializers: { err: (error: Error) => printable({ ...stdSerializers.err(error) }) },
  }
  const logger = pino(options, destination ?? (process.stdout.isTTY ? readable() : gathered()))
  const child = logger.child.bind(logger)
  // Pino leaves a child's own fields out of the formatters.
  logger.child = ((bindings, childOptions) => child(printable(bindings), childOptions)) as typeof logger.child
  return logger
}

/**
 * Lines are written some at a time, and all of them when the process exits, whatever the reason; what a SIGKILL can
 * swallow is a tenth of a second's. A write for each line was a twentieth of what fan-out costs.
 */
function gathered(): DestinationStream {
  if (output) return output
  const stream = pino.destination({ dest: 1, sync: true, minLength: GATHERED_BYTES })
  process.on('exit', () => stream.flushSync())
  // Not pino's own `periodicFlush`, which writes ten times a second also when there is nothing to write.
  let flushing: NodeJS.Timeout | undefined
  const flush = () => {
    flushing = undefined
    stream.flush()
  }
  const write = (line: string) => {
    stream.write(line)
    flushing ??= setTimeout(flush, LONGEST_GATHERED_MS).unref()
  }
  return (output = { write })
}

/** Standard output, of which a process has one. */
let output: DestinationStream | undefined

const GATHERED_BYTES = 8 * 1024
const LONGEST_GATHERED_MS = 100

function readable(): DestinationStream {
  return pretty({ colorize: true, ignore: 'pid,hostname,service', translateTime: 'HH:MM:ss.l' })
}

/**
 * The same fields without what may not be printed. Pino's own redaction by wildcard paths cost an eighth of the
 * dispatcher; here a line without a secret is looked at once and passed on as it is.
 */
function printable(fields: Record<string, unknown>): Record<string, unknown> {
  return withoutSecrets(fields, 0)
}

function withoutSecrets(fields: Record<string, unknown>, depth: number): Record<string, unknown> {
  let copy: Record<string, unknown> | undefined
  for (const name in fields) {
    const value = fields[name]
    const shown = UNPRINTABLE.has(name) && value !== undefined ? '[redacted]' : shownValue(value, depth)
    if (shown === value) continue
    copy ??= { ...fields }
    copy[name] = shown
  }
  return copy ?? fields
}

const DEEPEST = 3

function shownValue(value: unknown, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth >= DEEPEST) return value
  if (Array.isArray(value)) return value.map((each) => shownValue(each, depth + 1))
  // Errors, dates and buffers have their own ways to be printed.
  return Object.getPrototypeOf(value) === Object.prototype
    ? withoutSecrets(value as Record<string, unknown>, depth + 1)
    : value
}

/** Nest's injection token for the process's logger, which is not a class. */
export const LOGGER = Symbol('logger')
