import { Injectable } from '@nestjs/common'
import { type Delivery, RecentKeys, attemptKey, isSameEvent } from '#domain'

/**
 * Longer than a double waits in the longest tier, and short enough that an event whose id is accepted again on the next
 * day is one of its own, as it is in the read models. Ms.
 */
const REMEMBERED_FOR_MS = 12 * 3_600_000

/**
 * What this process settled lately: attempts that have a successor, and chains that have ended. A record that asks
 * for one of these is a double, from a crash or a repeated produce, and is completed without a request. A key is kept with
 * its acceptance: both of two events that came under one id, days apart, may be replayed at once. Of such two the first
 * is known; a double of the other is then attempted.
 */
@Injectable()
export class AttemptedKeys extends RecentKeys {
  constructor() {
    super({ maxKeys: 200_000, maxAgeMs: REMEMBERED_FOR_MS, keepsValues: true })
  }

  isDone(delivery: Delivery, now: number): boolean {
    return this.#isOf(attemptKey(delivery), delivery, now) || this.#isOf(chainKey(delivery), delivery, now)
  }

  /** Its successor is in the log. Not for an attempt whose retry is left to another owner: that one must make it again. */
  attempted(delivery: Delivery, now: number): void {
    this.add(attemptKey(delivery), now, delivery.acceptedAt)
  }

  /** Also its earlier and later attempts: a crash may have left a retry behind of an attempt that then succeeded. */
  ended(delivery: Delivery, now: number): void {
    this.add(chainKey(delivery), now, delivery.acceptedAt)
  }

  #isOf(key: string, { acceptedAt }: Delivery, now: number): boolean {
    const known = this.valueOf(key, now)
    return known !== undefined && isSameEvent(known, acceptedAt)
  }
}

function chainKey({ id, chain }: Delivery): string {
  return `${id}/${chain}`
}
