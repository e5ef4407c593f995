import { Inject, Injectable } from '@nestjs/common'
import type { Delivery } from '#domain'
import { type ConsumedRecord, PastRecords, type TopicPartition } from '#kafka'
import { EndedChains, isDayKept } from '#postgres'
import { LOGGER, type Logger } from '#telemetry'
import { NewestChains } from './newest-chains.js'
import type { Work } from '../work.js'

export const DELIVERY_RETENTION_MS = Symbol('delivery retention')

/**
 * Partitions that hold records while their group has no offset: the broker lost it, or the group is new. What of them
 * is already done only the read model knows; it is asked before anything is sent a second time.
 */
@Injectable()
export class UnknownPast {
  readonly #records = new PastRecords()

  constructor(
    private readonly endedChains: EndedChains,
    private readonly chains: NewestChains,
    @Inject(DELIVERY_RETENTION_MS) private readonly retentionMs: number,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  takenOver(partitions: readonly TopicPartition[], now: number): void {
    if (partitions.length === 0) return
    this.logger.warn({ partitions: partitions.length }, 'no offsets for partitions with records: asking the read model')
    this.#records.takenOver(partitions, now)
  }

  lost(partitions: readonly TopicPartition[]): void {
    this.#records.lost(partitions)
  }

  /** Not records that come again after they were asked about: what became of them meanwhile became of them here. */
  concerns(records: readonly ConsumedRecord[]): boolean {
    return !this.#records.isEmpty && records.some((record) => this.#records.has(record))
  }

  /**
   * Completes what has ended, and answers the rest: also chains that were replaced and of which no end is known. Those
   * end like every replaced chain when their turn comes, once and with a fact: the record may have been waiting in a
   * tier when the offsets were lost. One that was cancelled or expired before it was replaced is told to end twice.
   *
   * Completes as well what was accepted on a day that the read model no longer keeps: nearly all of it ended long ago, and
   * all of it would be sent again. What of it is due by now and was never attempted
   * is given up with it, and no end is told.
   * @throws when the read model is away: the batch is then tried again, and nothing is sent blindly meanwhile
   */
  async withoutEnded(works: Work[], now: number): Promise<Work[]> {
    const past = new Set(works.filter(({ record }) => this.#records.has(record)))
    // Only what cannot be read is of then.
    if (past.size === 0) return works
    const forgotten = new Set([...past].filter(({ delivery }) => this.#isForgotten(delivery, now)))
    const asked = [...past].filter((work) => !forgotten.has(work))
    const over = await this.endedChains.among(
      asked.map(({ delivery: { id, chain, acceptedAt } }) => ({ deliveryId: id, chain, acceptedAt })),
    )
    this.#nowKnown([...past], forgotten.size)
    return works.filter((work) => {
      const { id, chain, acceptedAt } = work.delivery
      const known = past.has(work) ? over.get(`${id}/${chain}/${acceptedAt}`) : undefined
      if (known) this.chains.saw({ id, chain: known.newest, acceptedAt })
      const isOver = forgotten.has(work) || known?.hasEnded
      if (isOver) work.batch.complete(work.record)
      return !isOver
    })
  }

  /** What is not due has not been attempted, whatever is known of it: it is the latest record of its chain. */
  #isForgotten({ acceptedAt, notBefore }: Delivery, now: number): boolean {
    return !isDayKept(acceptedAt, this.retentionMs, now) && !(notBefore !== null && notBefore > now)
  }

  #nowKnown(past: readonly Work[], forgotten: number): void {
    const { batch, record } = past.at(-1)!
    // Lost while the read model answered: others may have attempted some of it since.
    if (!batch.isOwned()) return
    this.#records.known(record)
    if (forgotten === 0) return
    const { topic, partition } = record
    this.logger.warn(
      { topic, partition, deliveries: forgotten },
      'accepted before what the read model keeps: taken for done, and not sent again',
    )
  }
}
