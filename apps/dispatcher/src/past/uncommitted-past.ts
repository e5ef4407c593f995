import { Inject, Injectable } from '@nestjs/common'
import type { Delivery } from '#domain'
import { type ConsumedRecord, type RecordBatch, type TopicPartition, UncommittedRecords } from '#kafka'
import { EndedChains } from '#postgres'
import { LOGGER, type Logger } from '#telemetry'
import { UndecodableRecord, decodeDelivery, isPerhapsDoubled } from '#topics'
import { DispatchMetrics } from '../dispatch-metrics.js'
import { AttemptedKeys } from './attempted-keys.js'
import { inTime } from './in-time.js'
import { NewestChains } from './newest-chains.js'

/** Of one partition, as they come: a dispatcher that was killed left fewer uncommitted. */
const MOST_ASKED = 20_000
/** All partitions wait for an answer that spares only repeats: so long in all, and then none is asked for a while. Ms. */
const LONGEST_WAIT_MS = 1_000
const REST_MS = 10_000
/** What a question that failed counts for at least: one that fails at once is no reason to give up, many are. Ms. */
const FAILED_MS = 250

/**
 * What the owner before had delivered and not committed when it was killed, and what fan-out, killed as well, wrote a
 * second time: the read models know nearly all of it by the time that the group notices a death. They are asked about
 * what a new owner finds in its partitions, and about what fan-out marks. Other than with a past that is unknown nothing
 * depends on it: without an answer in time those deliveries are repeated, which at least once allows.
 */
@Injectable()
export class UncommittedPast {
  readonly #records = new UncommittedRecords(MOST_ASKED)
  #waitedMs = 0
  #restsUntil = -Infinity

  constructor(
    private readonly endedChains: EndedChains,
    private readonly attempted: AttemptedKeys,
    private readonly chains: NewestChains,
    private readonly metrics: DispatchMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  takenOver(partitions: readonly TopicPartition[]): void {
    this.#records.takenOver(partitions)
    this.#waitedMs = 0
  }

  concerns(batch: RecordBatch): boolean {
    const isDoubtful = this.#records.note(batch) || batch.records.some(isPerhapsDoubled)
    return isDoubtful && performance.now() >= this.#restsUntil
  }

  /** Completes what was delivered, and answers the rest. Never rejects because of the read models. */
  async withoutDelivered(batch: RecordBatch): Promise<readonly ConsumedRecord[]> {
    const doubtful = new Map<ConsumedRecord, Delivery>()
    for (const record of batch.records) {
      const delivery = this.#records.has(record) || isPerhapsDoubled(record) ? deliveryIn(record) : undefined
      if (delivery) doubtful.set(record, delivery)
    }
    const delivered = await this.#deliveredAmong([...doubtful.values()])
    const now = Date.now()
    for (const delivery of delivered) {
      // Further doubles of it need no question.
      this.attempted.ended(delivery, now)
      this.chains.saw(delivery)
    }
    this.metrics.repeats.inc(delivered.size)
    return batch.records.filter((record) => {
      const isDelivered = delivered.has(doubtful.get(record)!)
      if (isDelivered) batch.complete(record)
      return !isDelivered
    })
  }

  async #deliveredAmong(deliveries: readonly Delivery[]): Promise<ReadonlySet<Delivery>> {
    const asked = deliveries.map((delivery) => ({ ...keyOf(delivery), delivery }))
    const startedAt = performance.now()
    try {
      const delivered = await inTime(this.endedChains.deliveredAmong(asked), LONGEST_WAIT_MS - this.#waitedMs)
      if (!delivered) throw new Error('no answer in time')
      this.#waited(performance.now() - startedAt)
      return new Set([...delivered].map(({ delivery }) => delivery))
    } catch (error) {
      this.#waited(Math.max(performance.now() - startedAt, FAILED_MS))
      this.logger.warn({ err: error }, 'the read models do not tell what was delivered: some may be repeated')
      return new Set()
    }
  }

  #waited(ms: number): void {
    this.#waitedMs += ms
    if (this.#waitedMs < LONGEST_WAIT_MS) return
    this.#waitedMs = 0
    this.#restsUntil = performance.now() + REST_MS
  }
}

/** What cannot be read is dealt with where it is taken in. */
function deliveryIn(record: ConsumedRecord): Delivery | undefined {
  try {
    return decodeDelivery(record)
  } catch (error) {
    if (error instanceof UndecodableRecord) return undefined
    throw error
  }
}

function keyOf({ id, chain, acceptedAt }: Delivery) {
  return { deliveryId: id, chain, acceptedAt }
}
