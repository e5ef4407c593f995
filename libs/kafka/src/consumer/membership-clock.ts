const OF_MEMBERSHIP = new Set(['Heartbeat', 'JoinGroup', 'SyncGroup'])

/**
 * How old the group coordinator's last sign of life is. Counted from when its request was *sent*: an answer read
 * after the process was stopped for a minute says only that we were a member a minute ago.
 */
export class MembershipClock {
  private sentAt = -Infinity
  /** Last confirmed; before the first time, when joining began. */
  private confirmedAt: number
  /** Nothing has put it in doubt since. */
  private isCertain = false

  constructor(private readonly now: () => number = Date.now) {
    this.confirmedAt = now()
  }

  /** Joining begins now: what was before does not count against it. */
  begun(): void {
    this.confirmedAt = this.now()
  }

  /** A request was answered, well or badly. */
  answered(apiName: string, sentAt: number): void {
    if (OF_MEMBERSHIP.has(apiName)) this.sentAt = sentAt
    // The generation is over, and others may have their share of the new one already: in doubt until we know ours.
    if (apiName === 'JoinGroup') this.lost()
  }

  /** The last answer confirmed our membership. */
  confirmed(): void {
    this.confirmedAt = this.sentAt
    this.isCertain = true
  }

  lost(): void {
    this.isCertain = false
  }

  /** Infinity also when the clock was set back since: nobody knows how long ago that was. */
  ageMs(): number {
    const ageMs = this.unconfirmedMs()
    return this.isCertain && ageMs >= 0 ? ageMs : Infinity
  }

  /** Since we were a member for certain, or since the beginning: what is lost or in doubt does not count anew. */
  unconfirmedMs(): number {
    return this.now() - this.confirmedAt
  }
}
