// An attempt ends at most this long after its deadline (plus what the event loop is behind).
const SWEEP_EVERY_MS = 20
// If each sweep looked at a thousand connections that wait, it would be half a percent of a core.
const SWEEPS_PER_LOOK_AROUND = 5

/** The clock of one attempt. Each stage says in turn what is to be stopped when time is up. */
export class Deadline {
  hasPassed = false
  slot = -1
  private stop: (() => void) | undefined
  private look: (() => void) | undefined

  constructor(readonly at: number) {}

  /** Replaces the stage's stop before it; calls it at once when the deadline has passed already. */
  onPassed(stop: () => void): void {
    this.stop = stop
    if (this.hasPassed) stop()
  }

  /** Called with every sweep while the deadline runs, for what tells of itself by no event; replaces the one before it. */
  onSweep(look: () => void): void {
    this.look = look
  }

  swept(): void {
    this.look?.()
  }

  pass(): void {
    this.hasPassed = true
    this.stop?.()
  }
}

/**
 * Ends attempts at their deadline: one timer looks over all of them every 20 ms. A timer or an AbortSignal for each
 * costs more than the request's own work, and signals do not fire while undici connects.
 */
export class DeadlineSweep {
  private readonly running: Deadline[] = []
  private timer: NodeJS.Timeout | undefined
  private sweeps = 0

  /** `lookAround` is called with every fifth sweep, and so only while attempts are under way. */
  constructor(private readonly lookAround: () => void = () => {}) {}

  /** `deadlineMs` from now, on the monotonic clock. */
  start(deadlineMs: number): Deadline {
    const deadline = new Deadline(performance.now() + deadlineMs)
    deadline.slot = this.running.push(deadline) - 1
    this.timer ??= setInterval(() => this.sweep(), SWEEP_EVERY_MS)
    return deadline
  }

  /** Forgets a deadline; ending it twice does nothing. */
  end(deadline: Deadline): void {
    if (deadline.slot < 0) return
    const last = this.running.pop()
    if (last && last !== deadline) {
      this.running[deadline.slot] = last
      last.slot = deadline.slot
    }
    deadline.slot = -1
  }

  private sweep(): void {
    // The timer is stopped here, not in `end`, so that a lone request after the other does not make a timer each.
    if (this.running.length === 0) {
      clearInterval(this.timer)
      this.timer = undefined
      return
    }
    if (++this.sweeps % SWEEPS_PER_LOOK_AROUND === 0) this.lookAround()
    for (const deadline of this.running) deadline.swept()
    const now = performance.now()
    const passed = this.running.filter((deadline) => deadline.at <= now)
    for (const deadline of passed) {
      this.end(deadline)
      deadline.pass()
    }
  }
}
