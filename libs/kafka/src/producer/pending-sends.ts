import { PendingSend } from './pending-send.js'
import { ProduceFailed } from './produce-failed.js'

/** All sends that are not settled, oldest first, each failed when its deadline passes. */
export class PendingSends {
  private readonly sends = new Set<PendingSend>()
  private timer: NodeJS.Timeout | undefined

  /** `deadlineMs` undefined: they wait for ever. `onExpired` is called after some were failed. */
  constructor(
    private readonly deadlineMs: number | undefined,
    private readonly onExpired: () => void,
  ) {}

  get isEmpty(): boolean {
    return this.sends.size === 0
  }

  /** A send that does not count yet: watch() makes it wait. */
  create(records: number): PendingSend {
    const deadlineAt = this.deadlineMs ? Date.now() + this.deadlineMs : Infinity
    return new PendingSend(records, deadlineAt, (settled) => this.sends.delete(settled))
  }

  watch(send: PendingSend): void {
    this.sends.add(send)
    if (this.deadlineMs && !this.timer) this.failInTime(send)
  }

  failAll(reason: ProduceFailed): void {
    clearTimeout(this.timer)
    for (const send of this.sends) send.fail(reason)
  }

  /** One timer, for the oldest: all have the same deadline. */
  private failInTime(oldest: PendingSend): void {
    this.timer = setTimeout(() => {
      this.timer = undefined
      this.failExpired()
      const [next] = this.sends
      if (next) this.failInTime(next)
    }, oldest.deadlineAt - Date.now())
  }

  private failExpired(): void {
    const now = Date.now()
    const reason = new ProduceFailed('timed_out', `Kafka did not acknowledge within ${this.deadlineMs} ms`)
    for (const send of this.sends) {
      if (send.deadlineAt > now) break
      send.fail(reason)
    }
    this.onExpired()
  }
}
