import type { ProduceFailed } from './produce-failed.js'

/** One call of send(): settled when its last record is acknowledged, or at its first failure. */
export class PendingSend {
  readonly promise: Promise<void>
  settled = false
  /** In PendingSends. */
  slot = -1
  private unacknowledged: number
  private resolve!: () => void
  private reject!: (reason: ProduceFailed) => void

  /** `deadlineAt` by `performance.now()`, or Infinity. */
  constructor(
    records: number,
    readonly deadlineAt: number,
    private readonly onSettled: (send: PendingSend) => void,
  ) {
    this.unacknowledged = records
    this.promise = new Promise((resolve, reject) => {
      this.resolve = resolve
      this.reject = reject
    })
  }

  acknowledgeOne(): void {
    if (--this.unacknowledged > 0 || this.settled) return
    this.settle()
    this.resolve()
  }

  fail(reason: ProduceFailed): void {
    if (this.settled) return
    this.settle()
    this.reject(reason)
  }

  private settle(): void {
    this.settled = true
    this.onSettled(this)
  }
}
