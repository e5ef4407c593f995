import type { BatchOrigin } from '../codec/encode-record-batch.js'
import { type TopicPartition, partitionName } from '../topic-partition.js'

/** Sequence numbers are 31 bits and begin again at 0. */
const SEQUENCES = 2 ** 31

/**
 * By what the broker recognises a repeated batch: a producer id and a sequence per partition. A batch keeps its
 * numbers until its outcome is known; once a batch was given up without an answer, the identity is spent, since
 * a later batch under the same numbers would be acknowledged as a repeat and lost.
 */
export class ProducerIdentity {
  private readonly sequences = new Map<string, number>()

  constructor(
    private readonly producerId: bigint,
    private readonly producerEpoch: number,
  ) {}

  /** The numbers of the partition's next batch of `count` records. */
  next(partition: TopicPartition, count: number): BatchOrigin {
    const name = partitionName(partition)
    const firstSequence = this.sequences.get(name) ?? 0
    this.sequences.set(name, (firstSequence + count) % SEQUENCES)
    return { producerId: this.producerId, producerEpoch: this.producerEpoch, firstSequence }
  }
}

/** For producers that do without the broker's check against repeats. */
export const NO_ORIGIN: BatchOrigin = { producerId: -1n, producerEpoch: -1, firstSequence: -1 }
