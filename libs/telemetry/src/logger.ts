import { pino, type DestinationStream, type Logger, type LoggerOptions, stdTimeFunctions } from 'pino'
import pretty from 'pino-pretty'

export type { Logger }

/** Fields that may never be printed, wherever they turn up. */
const UNPRINTABLE = [
  'secret',
  'secrets',
  'authorization',
  'password',
  'apiKey',
  'key',
  'secretsKey',
  'databaseUrl',
  'smtpUrl',
]

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
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: UNPRINTABLE.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]), censor: '[redacted]' },
  }
  if (destination) return pino(options, destination)
  if (!process.stdout.isTTY) return pino(options)
  return pino(options, pretty({ colorize: true, ignore: 'pid,hostname,service', translateTime: 'HH:MM:ss.l' }))
}

/** Nest's injection token for the process's logger, which is not a class. */
export const LOGGER = Symbol('logger')
