import { backoffMs } from '../client/backoff.js'
import { errorText } from '../client/error-text.js'
import { pauseFor } from '../client/pause-for.js'
import type { KafkaLog } from '../kafka-settings.js'
import type { RecordBatch } from './record-batch.js'

/**
 * - enqueues and returns nothing: the next batch comes at once; the records are completed later, in any order
 * - returns a promise: no other batch comes before it is settled; it is called again after a rejection
 */
export type BatchHandler = (batch: RecordBatch) => void | Promise<void>

const MAX_BACKOFF_MS = 5_000
const HELD_AGAIN_MS = 100

/** Hands batches to the handler, again and again until it does not fail, so that nothing is thrown into kafkajs. */
export class PatientHandler {
  constructor(
    private readonly handler: BatchHandler,
    private readonly onFailed: (error: unknown, batch: RecordBatch) => void,
    private readonly log: KafkaLog,
    private readonly closing: AbortSignal,
  ) {}

  /** Undefined when the handler is done at once; else settled when it is, or the partition is lost. Never rejects. */
  hand(batch: RecordBatch): Promise<void> | undefined {
    try {
      return this.handler(batch)?.catch((error: unknown) => this.again(batch, error))
    } catch (error) {
      return this.again(batch, error)
    }
  }

  private async again(batch: RecordBatch, firstError: unknown): Promise<void> {
    let error = firstError
    for (let attempt = 0; ; attempt++) {
      this.report(error, batch)
      await pauseFor(backoffMs(attempt, MAX_BACKOFF_MS), this.closing)
      // While the broker is silent the partition may be another's; when it is back it may still be ours.
      while (batch.isOwned() && !batch.isHeld() && !this.closing.aborted) await pauseFor(HELD_AGAIN_MS, this.closing)
      if (!batch.isOwned() || this.closing.aborted) return
      try {
        return await this.handler(batch)
      } catch (again) {
        error = again
      }
    }
  }

  private report(error: unknown, batch: RecordBatch): void {
    const { topic, partition, records } = batch
    const fields = { topic, partition, offset: records[0]?.offset, records: records.length, error: errorText(error) }
    this.log.error(fields, 'the handler failed; it is called again with the same batch')
    try {
      this.onFailed(error, batch)
    } catch (hookError) {
      this.log.error({ error: errorText(hookError) }, 'onHandlerFailed failed')
    }
  }
}
