import { Injectable } from '@nestjs/common'
import { type Delivery, RecentKeys, attemptKey } from '#domain'

/**
 * Longer than a double waits in the longest tier, and short enough that an event whose id is accepted again on the next
 * day is one of its own, as it is in the read models. Ms.
 */
const REMEMBERED_FOR_MS = 12 * 3_600_000

/**
 * What this process settled lately: attempts that have a successor, and chains that have ended. A record that asks
 * for one of these is a double, from a crash or a repeated produce, and is completed without a request.
 */
@Injectable()
export class AttemptedKeys extends RecentKeys {
  constructor() {
    super({ maxKeys: 200_000, maxAgeMs: REMEMBERED_FOR_MS })
  }

  isDone(delivery: Delivery, now: number): boolean {
    return this.has(attemptKey(delivery), now) || this.has(chainKey(delivery), now)
  }

  /** Its successor is in the log. Not for an attempt whose retry is left to another owner: that one must make it again. */
  attempted(delivery: Delivery, now: number): void {
    this.add(attemptKey(delivery), now)
  }

  /** Also its earlier and later attempts: a crash may have left a retry behind of an attempt that then succeeded. */
  ended(delivery: Delivery, now: number): void {
    this.add(chainKey(delivery), now)
  }
}

function chainKey({ id, chain }: Delivery): string {
  return `${id}/${chain}`
}
