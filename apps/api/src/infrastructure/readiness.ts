import { type Database, DatabaseUnavailable, pendingMigrations } from '#postgres'
import type { HealthChecks, Logger } from '#telemetry'

const ASK_AGAIN_MS = 1_000

/** What readiness is made of, asked at each probe; each says null when all is well, else what is not. */
export type ReadinessCondition = () => string | null

/**
 * The service's health. Ready means: events can be accepted. So Postgres is needed once, for keys and to know that
 * the schema is the one this code was written for, and its absence later changes nothing here: configuration and
 * reads answer 503 by themselves, and taking the pod away would stop ingestion as well. Kafka, in contrast, is needed
 * always.
 */
export class Readiness {
  #hasStarted = false
  #isDraining = false
  #schema: string | null = 'the schema has not been checked yet'
  #timer: NodeJS.Timeout | undefined
  readonly #conditions: ReadinessCondition[] = []

  constructor(
    private readonly database: Database,
    private readonly logger: Logger,
  ) {}

  readonly checks: HealthChecks = {
    // The answer itself shows that the event loop turns; nothing else is mended by a restart.
    live: () => null,
    started: () => (this.#hasStarted ? null : 'starting'),
    ready: () => this.#problem(),
  }

  require(condition: ReadinessCondition): void {
    this.#conditions.push(condition)
  }

  /** Looks until no migration is pending, once. */
  watchSchema(): void {
    this.#timer = setTimeout(() => void this.#checkSchema(), 0)
  }

  started(): void {
    this.#hasStarted = true
  }

  draining(): void {
    this.#isDraining = true
    clearTimeout(this.#timer)
  }

  #problem(): string | null {
    if (!this.#hasStarted) return 'starting'
    if (this.#isDraining) return 'draining'
    if (this.#schema !== null) return this.#schema
    for (const condition of this.#conditions) {
      const problem = condition()
      if (problem !== null) return problem
    }
    return null
  }

  async #checkSchema(): Promise<void> {
    const before = this.#schema
    this.#schema = await this.#schemaProblem()
    if (this.#schema !== null && this.#schema !== before) this.logger.warn({ detail: this.#schema }, 'not ready')
    if (this.#schema === null || this.#isDraining) return
    this.#timer = setTimeout(() => void this.#checkSchema(), ASK_AGAIN_MS)
  }

  async #schemaProblem(): Promise<string | null> {
    try {
      const pending = await pendingMigrations(this.database)
      return pending.length === 0 ? null : `migrations are pending: ${pending.join(', ')}`
    } catch (error) {
      if (error instanceof DatabaseUnavailable) return 'Postgres has not been reached yet'
      this.logger.error({ err: error }, 'the schema could not be checked')
      return 'the schema could not be checked'
    }
  }
}
