import type { ConsumedRecord } from './consumed-record.js'

/** What a batch needs of its holding; the consumer's side of complete() and isHeld(). */
export interface BatchHolding {
  complete(offset: number): void
  isOwned(): boolean
  isHeld(): boolean
  isNamed(): boolean
}

/** Records of one partition in ascending order, none of them complete before. */
export class RecordBatch {
  constructor(
    readonly topic: string,
    readonly partition: number,
    /** Since which join the partition is held; completions count only while this holding lasts. */
    readonly epoch: number,
    readonly records: readonly ConsumedRecord[],
    /** The partition's end when the batch was fetched. */
    readonly highWatermark: number,
    private readonly holding: BatchHolding,
  ) {}

  /**
   * Nothing is left to be done for the record: its offset may be committed once all before it are complete.
   * Idempotent, in any order; ignored when the partition was lost meanwhile.
   */
  complete({ offset }: Pick<ConsumedRecord, 'offset'>): void {
    this.holding.complete(offset)
  }

  /** The same holding without its records, for whoever keeps one of them for long and must not keep all the others. */
  withoutRecords(): RecordBatch {
    return new RecordBatch(this.topic, this.partition, this.epoch, [], this.highWatermark, this.holding)
  }

  completeAll(): void {
    for (const { offset } of this.records) this.holding.complete(offset)
  }

  /** The holding lasts: its records are ours to complete, whatever became of the heartbeat meanwhile. */
  isOwned(): boolean {
    return this.holding.isOwned()
  }

  /**
   * The partition is still ours, as far as anyone can know: the holding lasts and the broker answered a heartbeat
   * within the session time-out. When false no attempt may begin: another process may be doing it.
   */
  isHeld(): boolean {
    return this.holding.isHeld()
  }

  /**
   * Commits can name all that is complete beyond their offset. When false too much passed by too many records that are
   * not complete, and a new owner would do some of it again.
   */
  isNamed(): boolean {
    return this.holding.isNamed()
  }
}
