import { Inject, Injectable } from '@nestjs/common'
import { type ConsumedRecord, PastRecords } from '#kafka'
import { EndedChains } from '#postgres'
import { LOGGER, type Logger } from '#telemetry'
import { NewestChains } from './newest-chains.js'
import type { Work } from '../work.js'

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
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  takenOver(partitions: { topic: string; partition: number }[], now: number): void {
    if (partitions.length === 0) return
    this.logger.warn({ partitions: partitions.length }, 'no offsets for partitions with records: asking the read model')
    this.#records.takenOver(partitions, now)
  }

  concerns(records: readonly ConsumedRecord[]): boolean {
    return !this.#records.isEmpty && records.some((record) => this.#records.has(record))
  }

  /**
   * Completes what has ended, and answers the rest: also chains that were replaced and of which no end is known. Those
   * end like every replaced chain when their turn comes, once and with a fact: the record may have been waiting in a
   * tier when the offsets were lost. One that was cancelled or expired before it was replaced is told to end twice.
   * @throws when the read model is away: the batch is then tried again, and nothing is sent blindly meanwhile
   */
  async withoutEnded(works: Work[]): Promise<Work[]> {
    const past = works.filter(({ record }) => this.#records.has(record))
    // Only what cannot be read is of then.
    if (past.length === 0) return works
    const over = await this.endedChains.among(
      past.map(({ delivery: { id, chain, acceptedAt } }) => ({ deliveryId: id, chain, acceptedAt })),
    )
    return works.filter((work) => {
      const { id, chain, acceptedAt } = work.delivery
      const known = this.#records.has(work.record) ? over.get(`${id}/${chain}/${acceptedAt}`) : undefined
      if (known) this.chains.saw({ id, chain: known.newest, acceptedAt })
      if (known?.hasEnded) work.batch.complete(work.record)
      return !known?.hasEnded
    })
  }
}
