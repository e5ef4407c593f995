/**
 * - `buffer_full`: more bytes wait than are allowed; nothing of this send was taken
 * - `timed_out`: not acknowledged within the deadline; it may be stored now or a little later
 * - `record_too_large`: one record exceeds what a partition takes in one request; nothing of this send was taken
 * - `refused`: the broker refused a record for good; the others of the send may be stored
 * - `closed`: the producer was closed before the acknowledgement came
 */
export type ProduceFailureCode = 'buffer_full' | 'timed_out' | 'record_too_large' | 'refused' | 'closed'

/** Why a send was not acknowledged. `canRetry`: the same records may succeed later, under the same ids. */
export class ProduceFailed extends Error {
  readonly canRetry: boolean

  constructor(
    readonly code: ProduceFailureCode,
    message: string,
  ) {
    super(message)
    this.name = 'ProduceFailed'
    this.canRetry = code === 'buffer_full' || code === 'timed_out' || code === 'closed'
  }
}
