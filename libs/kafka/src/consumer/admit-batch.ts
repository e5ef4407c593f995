/** What is known of a fetched batch before its records are looked at. */
export interface FetchedSpan {
  /** The offset that was asked for. */
  fetchedOffset: number
  /** The first offset that came, a hidden control record's included. */
  firstOffset: number
  /** The partition's end as of this answer. */
  highWatermark: number
}

/** A gap that was seen once: asked again from `expected`, the broker may give the same `firstOffset`. */
export interface Gap {
  expected: number
  firstOffset: number
}

/**
 * - `take`: the records continue what was delivered
 * - `seek-back`: records are missing in between; fetch again from the expected offset
 * - `made-anew`: the partition is shorter than what was delivered: its records have other offsets now
 */
export type Admission = { kind: 'take' } | { kind: 'seek-back'; gap: Gap } | { kind: 'made-anew' }

/**
 * Whether a batch may be handed out where `expected` should come next. A gap is never skipped on the fetcher's word:
 * it may have lost its position. It is accepted when the broker itself has nothing in between (compaction, retention,
 * transaction markers), which asking from the expected offset shows.
 */
export function admitBatch(expected: number, span: FetchedSpan, seen: Gap | undefined): Admission {
  const { fetchedOffset, firstOffset, highWatermark } = span
  if (firstOffset < expected && highWatermark < expected) return { kind: 'made-anew' }
  if (firstOffset <= expected || fetchedOffset <= expected) return { kind: 'take' }
  if (seen && seen.expected === expected && seen.firstOffset === firstOffset) return { kind: 'take' }
  return { kind: 'seek-back', gap: { expected, firstOffset } }
}
