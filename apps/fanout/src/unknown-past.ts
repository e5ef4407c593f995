import { Inject, Injectable } from '@nestjs/common'
import type { AcceptedEvent } from '#domain'
import { type ConsumedRecord, PastRecords, type RecordBatch } from '#kafka'
import { FannedOutEvents } from '#postgres'
import { LOGGER, type Logger } from '#telemetry'
import { UndecodableRecord, decodeContextEvent } from '#topics'

export const EVENT_RETENTION_MS = Symbol('event retention')

/**
 * Partitions whose offsets were lost are read from their first record on: weeks of events. Which of them were fanned out
 * only the read model knows; sent again they would reach every webhook once more, and those that were made since then.
 */
@Injectable()
export class UnknownPast {
  readonly #records = new PastRecords()

  constructor(
    private readonly fannedOut: FannedOutEvents,
    @Inject(EVENT_RETENTION_MS) private readonly retentionMs: number,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  takenOver(partitions: { topic: string; partition: number }[], now: number): void {
    if (partitions.length === 0) return
    this.logger.warn({ partitions: partitions.length }, 'no offsets for partitions with records: asking the read model')
    this.#records.takenOver(partitions, now)
  }

  concerns({ records }: RecordBatch): boolean {
    return !this.#records.isEmpty && records.some((record) => this.#records.has(record))
  }

  /**
   * The records in the batch that are dealt with: fanned out before, or older than anything that is kept about events.
   * @throws when the read model is away: the batch is then tried again, and nothing is sent blindly meanwhile
   */
  async doneIn({ records }: RecordBatch, now: number): Promise<ReadonlySet<ConsumedRecord>> {
    const past = records
      .filter((record) => this.#records.has(record))
      .map((record) => ({ record, event: eventIn(record) }))
    const known = await this.fannedOut.among(past.flatMap(({ event }) => event ?? []))
    const isDone = (event: AcceptedEvent) => known.has(event) || event.acceptedAt < now - this.retentionMs
    return new Set(past.flatMap(({ record, event }) => (event && isDone(event) ? record : [])))
  }
}

/** What cannot be read is dealt with where it is fanned out. */
function eventIn(record: ConsumedRecord): AcceptedEvent | undefined {
  try {
    return decodeContextEvent(record)
  } catch (error) {
    if (error instanceof UndecodableRecord) return undefined
    throw error
  }
}
