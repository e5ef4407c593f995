import type { LoggerService } from '@nestjs/common'
import type { Logger } from './logger.js'

/** Nest's own words through our logger: what it tells at start-up is detail, what it warns of is not. */
export class NestLogger implements LoggerService {
  constructor(private readonly logger: Logger) {}

  log(message: unknown, context?: string): void {
    this.logger.debug({ context }, String(message))
  }

  warn(message: unknown, context?: string): void {
    this.logger.warn({ context }, String(message))
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.logger.error({ context: rest.at(-1), err: message instanceof Error ? message : undefined }, String(message))
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.error(message, ...rest)
  }

  debug(message: unknown, context?: string): void {
    this.logger.debug({ context }, String(message))
  }

  verbose(): void {}
}
