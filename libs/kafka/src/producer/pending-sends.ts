import { SlotSet } from '../client/slot-set.js'
import { PendingSend } from './pending-send.js'
import { ProduceFailed } from './produce-failed.js'

/** All sends that are not settled, each failed when its deadline passes, however the machine's clock is set meanwhile. */
export class PendingSends {
  private readonly sends = new SlotSet<PendingSend>()
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
    const deadlineAt = this.deadlineMs ? performance.now() + this.deadlineMs : Infinity
    return new PendingSend(records, deadlineAt, (settled) => this.sends.delete(settled))
  }

  watch(send: PendingSend): void {
    this.sends.add(send)
    if (this.deadlineMs && !this.timer) this.failInTime(send.deadlineAt)
  }

  failAll(reason: ProduceFailed): void {
    clearTimeout(this.timer)
    for (const send of this.sends) send.fail(reason)
  }

  /** One timer, for the oldest. */
  private failInTime(deadlineAt: number): void {
    this.timer = setTimeout(
      () => {
        this.timer = undefined
        const next = this.failExpired()
        if (next < Infinity) this.failInTime(next)
      },
      Math.ceil(deadlineAt - performance.now()),
    )
  }

  /** @returns the earliest deadline of those that are left, by `performance.now()`; Infinity when none is */
  private failExpired(): number {
    const now = performance.now()
    const reason = new ProduceFailed('timed_out', `Kafka did not acknowledge within ${this.deadlineMs} ms`)
    let next = Infinity
    for (const send of this.sends) {
      if (send.deadlineAt <= now) send.fail(reason)
      else next = Math.min(next, send.deadlineAt)
    }
    this.onExpired()
    return next
  }
}
