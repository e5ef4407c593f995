import type { Logger } from '#telemetry'

/** Says once that something fails, and once that it works again, however often it is tried in between. */
export class FailingLog {
  #isFailing = false

  constructor(
    private readonly logger: Pick<Logger, 'info' | 'warn'>,
    private readonly failing: string,
    private readonly again: string,
  ) {}

  get isFailing(): boolean {
    return this.#isFailing
  }

  failed(error: unknown): void {
    if (!this.#isFailing) this.logger.warn({ err: error }, this.failing)
    this.#isFailing = true
  }

  succeeded(fields: object = {}): void {
    if (this.#isFailing) this.logger.info(fields, this.again)
    this.#isFailing = false
  }
}
