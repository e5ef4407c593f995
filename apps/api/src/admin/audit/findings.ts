/**
 * What an audit can find missing, with a sentence for each. The first group is about the pipeline, the second about the
 * read models.
 */
export const FINDINGS = {
  event_not_fanned_out: 'accepted events of which fan-out has not told',
  delivery_never_attempted: 'deliveries past their deadline without an attempt, a deferral or an end',
  chain_without_end: 'chains of attempts past their deadline without an end',
  event_without_row: 'accepted events that the read models lack',
  fan_out_without_row: 'fan-outs that the read models lack',
  delivery_without_row: 'deliveries that the read models lack',
  attempt_without_row: 'attempts that the read models lack',
  row_without_event: 'events in the read models that are not in the log',
  row_without_fan_out: 'fan-outs in the read models that are not in the log',
  row_without_delivery: 'deliveries in the read models that are not in the log',
  row_without_attempt: 'attempts in the read models that are not in the log',
  row_differs: 'deliveries of which the read models tell another end than the log',
} as const

export type FindingKind = keyof typeof FINDINGS

export interface Finding {
  kind: FindingKind
  /** Of the delivery or attempt; of an event with its account before it. */
  id: string
  detail?: string
}
