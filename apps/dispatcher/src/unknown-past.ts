import { Inject, Injectable } from '@nestjs/common'
import { EndedChains } from '#postgres'
import { LOGGER, type Logger } from '#telemetry'
import type { Work } from './work.js'

/**
 * Partitions that hold records while their group has no offset: the broker lost it, or the group is new. What of them
 * is already done only the read model knows; it is asked before anything is sent a second time.
 */
@Injectable()
export class UnknownPast {
  /** `topic/partition` -> when it was taken over; what was written later is no past. Ms since the epoch. */
  readonly #takenOverAt = new Map<string, number>()

  constructor(
    private readonly endedChains: EndedChains,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  takenOver(partitions: { topic: string; partition: number }[], now: number): void {
    if (partitions.length === 0) return
    this.logger.warn({ partitions: partitions.length }, 'no offsets for partitions with records: asking the read model')
    for (const { topic, partition } of partitions) this.#takenOverAt.set(`${topic}/${partition}`, now)
  }

  concerns(works: readonly Work[]): boolean {
    return this.#takenOverAt.size > 0 && works.some((work) => this.#isPast(work))
  }

  /**
   * Completes what has ended, and answers the rest.
   * @throws when the read model is away: the batch is then tried again, and nothing is sent blindly meanwhile
   */
  async withoutEnded(works: Work[]): Promise<Work[]> {
    const past = works.filter((work) => this.#isPast(work))
    const ended = await this.endedChains.among(past.map(({ delivery: { id, chain } }) => ({ deliveryId: id, chain })))
    return works.filter((work) => {
      const isEnded = this.#isPast(work) && ended.has(`${work.delivery.id}/${work.delivery.chain}`)
      if (isEnded) work.batch.complete(work.record)
      return !isEnded
    })
  }

  #isPast({ record: { topic, partition, timestamp } }: Work): boolean {
    const takenOverAt = this.#takenOverAt.get(`${topic}/${partition}`)
    return takenOverAt !== undefined && timestamp < takenOverAt
  }
}
