/**
 * When each event of an open-loop load is due: evenly spaced, however slow the answers are. A latency is measured from
 * this time and not from the time of sending; otherwise a stall would also hide the events that it delayed
 * ("coordinated omission"). Times in ms.
 */
export class EvenSchedule {
  constructor(
    readonly startMs: number,
    readonly perSecond: number,
  ) {}

  /** Of the event number `sequence`, from 0. */
  dueAt(sequence: number): number {
    return this.startMs + (sequence * 1000) / this.perSecond
  }

  /** How many events are due at `nowMs` or were before. */
  dueCount(nowMs: number): number {
    if (nowMs < this.startMs) return 0
    return Math.floor(((nowMs - this.startMs) * this.perSecond) / 1000) + 1
  }
}
