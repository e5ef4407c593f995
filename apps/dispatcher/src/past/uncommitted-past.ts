import { Inject, Injectable } from '@nestjs/common'
import type { Delivery } from '#domain'
import { type ConsumedRecord, type RecordBatch, type TopicPartition, UncommittedRecords } from '#kafka'
import { EndedChains } from '#postgres'
import { LOGGER, type Logger } from '#telemetry'
import { UndecodableRecord, decodeDelivery, isPerhapsDoubled } from '#topics'
import { DispatchMetrics } from '../dispatch-metrics.js'
import { AttemptedKeys } from './attempted-keys.js'
import { NewestChains } from './newest-chains.js'

/** Of one partition: an owner has fewer uncommitted, and fan-out writes no more in one round. */
const MOST_ASKED = 5_000
/** All partitions wait for an answer that spares only repeats: of any ten seconds no more than one. Ms. */
const LONGEST_WAIT_MS = 1_000
const WITHIN_MS = 10_000

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
  #since = -Infinity

  constructor(
    private readonly endedChains: EndedChains,
    private readonly attempted: AttemptedKeys,
    private readonly chains: NewestChains,
    private readonly metrics: DispatchMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  takenOver(partitions: readonly TopicPartition[]): void {
    this.#records.takenOver(partitions)
  }

  concerns(batch: RecordBatch): boolean {
    const isDoubtful = this.#records.isIn(batch) || batch.records.some(isPerhapsDoubled)
    return isDoubtful && this.#patienceMs() > 0
  }

  /** Completes what was delivered, and answers the rest. Never rejects because of the read models. */
  async withoutDelivered(batch: RecordBatch): Promise<readonly ConsumedRecord[]> {
    const doubtful = new Map<ConsumedRecord, Delivery>()
    for (const record of batch.records) {
      const delivery = this.#records.has(record) || isPerhapsDoubled(record) ? deliveryIn(record) : undefined
      if (delivery) doubtful.set(record, delivery)
    }
    const settled = await this.#settledAmong([...doubtful.values()])
    const now = Date.now()
    for (const delivery of settled) {
      // Further doubles of it need no question.
      this.attempted.ended(delivery, now)
      this.chains.saw(delivery)
    }
    this.metrics.repeats.inc(settled.size)
    return batch.records.filter((record) => {
      const isSettled = settled.has(doubtful.get(record)!)
      if (isSettled) batch.complete(record)
      return !isSettled
    })
  }

  async #settledAmong(deliveries: readonly Delivery[]): Promise<ReadonlySet<Delivery>> {
    const asked = deliveries.map((delivery) => ({ ...keyOf(delivery), delivery }))
    const startedAt = performance.now()
    try {
      const settled = await Promise.race([this.endedChains.settledAmong(asked), passed(this.#patienceMs())])
      if (!settled) throw new Error('no answer in time')
      this.#waitedMs += performance.now() - startedAt
      return new Set([...settled].map(({ delivery }) => delivery))
    } catch (error) {
      this.#waitedMs = LONGEST_WAIT_MS
      this.logger.warn({ err: error }, 'the read models do not tell what was delivered: some may be repeated')
      return new Set()
    }
  }

  #patienceMs(): number {
    const now = performance.now()
    if (now - this.#since > WITHIN_MS) {
      this.#since = now
      this.#waitedMs = 0
    }
    return LONGEST_WAIT_MS - this.#waitedMs
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

function passed(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), ms).unref())
}
