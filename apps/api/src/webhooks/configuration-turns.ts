import { Injectable } from '@nestjs/common'
import { Problem } from '../http/problem.js'
import { tooManyAtOnce } from '../http/too-many-at-once.js'
import { Turns, inTurn } from '../http/turns.js'

/**
 * Of one account, per replica. Writers of configuration wait for each other in Postgres, each with one of ten connections:
 * one account must not have them all.
 */
export const MOST_CHANGES_AT_ONCE = 2
/** Behind them, without a connection: half of an account's webhooks can be made in one go. */
export const MOST_CHANGES_WAITING = 50
/** A write takes milliseconds; 3 s each while Kafka is away, and the last of fifty would be answered after a minute. Ms. */
const TURN_WITHIN_MS = 10_000

/** Whose change of configuration is next: an account's changes take turns, so that those of others need not wait. */
@Injectable()
export class ConfigurationTurns {
  readonly #turns = new Turns({ underWay: MOST_CHANGES_AT_ONCE, waiting: MOST_CHANGES_WAITING })

  /**
   * @param write must settle: the account's others wait for it
   * @throws {Problem} 429 when too many wait, 503 when the turn has not come in time: nothing was changed
   */
  async take<T>(accountId: string, write: () => Promise<T>): Promise<T> {
    const end = await this.#turns.takeWithin(accountId, TURN_WITHIN_MS)
    if (end === 'full') throw tooManyAtOnce(TOO_MANY)
    if (end === 'late') throw new Problem(503, 'Service Unavailable', LATE, { headers: { 'retry-after': '1' } })
    return inTurn(end, write)
  }
}

const TOO_MANY =
  `The account has ${MOST_CHANGES_AT_ONCE + MOST_CHANGES_WAITING} changes of webhooks under way, which is the most: ` +
  'wait for one of the answers, and ask again.'
const LATE = 'Nothing was changed: the account’s changes before this one took too long. Ask again soon.'
