import type { Logger } from '#telemetry'

/** Says once that something fails, and once that it works again, however often it is tried in between. */
export class FailingLog {
  #isFailing = false

  /** @param level `error` where somebody waits for it */
  constructor(
    private readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>,
    private readonly level: 'warn' | 'error',
    private readonly failing: string,
    private readonly again: string,
  ) {}

  get isFailing(): boolean {
    return this.#isFailing
  }

  failed(error: unknown): void {
    if (!this.#isFailing) this.logger[this.level]({ err: error }, this.failing)
    this.#isFailing = true
  }

  succeeded(fields: object = {}): void {
    if (this.#isFailing) this.logger.info(fields, this.again)
    this.#isFailing = false
  }
}
