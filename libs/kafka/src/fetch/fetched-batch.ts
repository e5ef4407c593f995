import type { DecodedRecord } from '../codec/decode-record-batch.js'

/**
 * What one fetch brought of a partition: what kafkajs' run loop and `readBatch` ask of kafkajs' own `Batch`, without a
 * 64-bit number made for every record. At least one record, of which the last may be a control record.
 */
export class FetchedBatch {
  readonly messages: DecodedRecord[]
  readonly fetchedOffset: string
  readonly highWatermark: string
  readonly #first: number | null
  readonly #last: number

  /** Of the broker's records those before the offset that was asked for are passed over. */
  constructor(
    readonly topic: string,
    readonly partition: number,
    fetchedOffset: number,
    private readonly end: number,
    records: DecodedRecord[],
  ) {
    const wanted =
      records[0]!.offset < fetchedOffset ? records.filter(({ offset }) => offset >= fetchedOffset) : records
    const hasControl = wanted.some(({ isControlRecord }) => isControlRecord)
    this.messages = hasControl ? wanted.filter(({ isControlRecord }) => !isControlRecord) : wanted
    this.fetchedOffset = String(fetchedOffset)
    this.highWatermark = String(end)
    this.#first = wanted[0]?.offset ?? null
    this.#last = wanted.at(-1)?.offset ?? fetchedOffset
  }

  isEmpty(): boolean {
    return this.messages.length === 0
  }

  /** There were records, and none to hand out: the offset moves on all the same. */
  isEmptyDueToFiltering(): boolean {
    return this.isEmpty()
  }

  firstOffset(): string | null {
    return this.#first === null ? null : String(this.#first)
  }

  lastOffset(): string {
    return String(this.#last)
  }

  offsetLag(): string {
    return String(this.end - 1 - this.#last)
  }

  offsetLagLow(): string {
    return this.#first === null ? '0' : String(this.end - 1 - this.#first)
  }
}
