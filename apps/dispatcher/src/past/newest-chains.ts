import { Inject, Injectable } from '@nestjs/common'
import { BoundedMap, type Delivery, isSameEvent } from '#domain'
import { RunningChains } from '#postgres'
import { LOGGER, type Logger } from '#telemetry'
import { AskedAgain } from './asked-again.js'
import { inTime } from './in-time.js'

/** Beyond this the oldest are forgotten: a record of an earlier chain that still waits is then attempted after all. */
const MOST_DELIVERIES = 200_000
/** All partitions wait for an answer that spares only repeats. After a large replay it is long. Ms. */
const LONGEST_WAIT_MS = 1_000

type Seen = Pick<Delivery, 'id' | 'chain' | 'acceptedAt'>

/**
 * The latest chain of each delivery that has more than its first. A redelivery replaces the chain that was running: a
 * record of an earlier one is dropped when it comes, however long it has waited in a tier. Where the event's id is
 * accepted again days later, that is another event, with a first chain of its own that nothing has replaced.
 */
@Injectable()
export class NewestChains {
  /** Oldest first. Numbers only grow, so what other processes know meanwhile can be older and never wrong. */
  readonly #newest: BoundedMap<string, Pick<Seen, 'chain' | 'acceptedAt'>>
  readonly #reading: AskedAgain

  constructor(
    private readonly runningChains: RunningChains,
    @Inject(LOGGER) private readonly logger: Logger,
    mostDeliveries = MOST_DELIVERIES,
  ) {
    this.#newest = new BoundedMap(mostDeliveries)
    this.#reading = new AskedAgain((error) =>
      logger.warn({ err: error }, 'redeliveries could not be read: a replaced retry may be attempted meanwhile'),
    )
  }

  /** A record was read: there is such a chain. */
  saw({ id, chain, acceptedAt }: Seen): void {
    // Most have no other chain than this, and cost nothing.
    if (chain === 0 || chain <= (this.#newest.get(id)?.chain ?? 0)) return
    this.#newest.set(id, { chain, acceptedAt })
  }

  /** A later chain of the same delivery was asked for. */
  isReplaced({ id, chain, acceptedAt }: Seen): boolean {
    const newest = this.#newest.get(id)
    return newest !== undefined && chain < newest.chain && isSameEvent(acceptedAt, newest.acceptedAt)
  }

  /**
   * Reads what earlier owners saw, and is waited for no longer than a second. What comes later still counts: whether a
   * record is replaced is asked when its turn comes. With Postgres away delivery goes on, and it is asked again.
   */
  async load(): Promise<void> {
    const reading = this.#reading.ask(async () => {
      // The newest come first, and are to be forgotten last.
      for (const { deliveryId, ...newest } of (await this.runningChains.newest()).reverse()) {
        this.saw({ id: deliveryId, ...newest })
      }
    })
    const isRead = await inTime(
      reading.then(() => true),
      LONGEST_WAIT_MS,
    )
    if (!isRead) this.logger.warn({}, 'redeliveries are not read in time: a replaced retry may be attempted meanwhile')
  }
}
