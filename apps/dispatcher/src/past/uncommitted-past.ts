import { setTimeout as pause } from 'node:timers/promises'
import { Inject, Injectable } from '@nestjs/common'
import { type ConsumedRecord, type RecordBatch, type TopicPartition, partitionName } from '#kafka'
import { type ChainKey, EndedChains } from '#postgres'
import { LOGGER, type Logger } from '#telemetry'
import { UndecodableRecord, decodeDelivery } from '#topics'
import { DispatchMetrics } from '../dispatch-metrics.js'

/**
 * Of one partition: more than an owner ends between two commits, and than fan-out writes twice when it is killed. A
 * backlog beyond it is not worth a question for each of its batches, which keep the neighbours' waiting.
 */
const MOST_ASKED = 2_000
/** Nobody waits longer for an answer that spares only repeats. Ms. */
const LONGEST_WAIT_MS = 1_000

interface Doubtful {
  /** Ms since the epoch; what was written later no owner before has seen. */
  takenOverAt: number
  left: number
}

/**
 * What the owner before had ended and not committed when it was killed, and what fan-out, killed as well, wrote a second
 * time: the read models know nearly all of it by the time that the group notices a death. They are asked once, for what
 * a new owner finds in its partitions. Other than with a past that is unknown nothing depends on it: without an answer in
 * time those deliveries are repeated, which at least once allows.
 */
@Injectable()
export class UncommittedPast {
  readonly #partitions = new Map<string, Doubtful>()

  constructor(
    private readonly endedChains: EndedChains,
    private readonly metrics: DispatchMetrics,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  /** @param now ms since the epoch */
  takenOver(partitions: readonly TopicPartition[], now: number): void {
    for (const partition of partitions) {
      this.#partitions.set(partitionName(partition), { takenOverAt: now, left: MOST_ASKED })
    }
  }

  concerns(batch: RecordBatch): boolean {
    if (this.#partitions.size === 0) return false
    const name = partitionName(batch)
    const doubtful = this.#partitions.get(name)
    if (!doubtful) return false
    if (doubtful.left > 0 && batch.records[0]!.timestamp < doubtful.takenOverAt) return true
    this.#partitions.delete(name)
    return false
  }

  /** Completes what has ended, and answers the rest. Never rejects. */
  async withoutEnded(batch: RecordBatch): Promise<readonly ConsumedRecord[]> {
    const { records } = batch
    this.#partitions.get(partitionName(batch))!.left -= records.length
    const ended = await this.#endedAmong(records)
    for (const record of ended) batch.complete(record)
    this.metrics.repeats.inc(ended.size)
    return ended.size === 0 ? records : records.filter((record) => !ended.has(record))
  }

  async #endedAmong(records: readonly ConsumedRecord[]): Promise<ReadonlySet<ConsumedRecord>> {
    const chains = new Map(records.map((record) => [record, chainIn(record)]))
    const asked = [...chains.values()].flatMap((chain) => chain ?? [])
    try {
      const late = pause(LONGEST_WAIT_MS, undefined, { ref: false })
      const over = await Promise.race([this.endedChains.among(asked), late])
      if (!over) throw new Error(`no answer in ${LONGEST_WAIT_MS} ms`)
      const hasEnded = (chain: ChainKey | undefined) => chain && over.get(nameOf(chain))?.hasEnded === true
      return new Set(records.filter((record) => hasEnded(chains.get(record))))
    } catch (error) {
      // Not for each batch again: all partitions wait for an answer.
      this.#partitions.clear()
      this.logger.warn({ err: error }, 'the read models do not tell what had ended: some of it may be repeated')
      return new Set()
    }
  }
}

/** What cannot be read is dealt with where it is taken in. */
function chainIn(record: ConsumedRecord): ChainKey | undefined {
  try {
    const { id, chain, acceptedAt } = decodeDelivery(record)
    return { deliveryId: id, chain, acceptedAt }
  } catch (error) {
    if (error instanceof UndecodableRecord) return undefined
    throw error
  }
}

function nameOf({ deliveryId, chain, acceptedAt }: ChainKey): string {
  return `${deliveryId}/${chain}/${acceptedAt}`
}
