/** Offsets from `from` up to, not including, `to`. */
export interface OffsetRange {
  from: number
  to: number
}

/** As single offsets, what is complete beyond the mark takes 16 bytes each, and each commit looks at all of them. */
const MOST_SINGLE = 16_384

/**
 * Which records of one partition are complete. Records are delivered in ascending order and completed in any;
 * below `mark` all are complete, and that is what may be committed. Offsets that do not exist (compaction,
 * transaction markers) hold nothing up.
 */
export class OffsetTracker {
  /** Grows with every change of what would be committed. */
  version = 0
  /** Delivered offsets from the mark on, ascending; those before `head` are complete and no longer of interest. */
  private offsets: number[] = []
  private done: boolean[] = []
  private head = 0
  /**
   * Complete beyond the mark and not among `offsets` any more, ascending. One record may take hours, while millions pass
   * it by: what is held grows with what is not complete.
   */
  private passed: OffsetRange[] = []
  private passedOnFrom: number
  /** Completed before, but still to be delivered again: after a restart or a rewind. They are skipped then. Ascending. */
  private ahead: OffsetRange[]

  /**
   * @param nextOffset expected from the broker first
   * @param completed what the commit metadata named beyond it, ascending
   */
  constructor(
    private nextOffset: number,
    completed: readonly OffsetRange[] = [],
    private readonly mostSingle = MOST_SINGLE,
  ) {
    this.passedOnFrom = mostSingle
    this.ahead = within(completed, nextOffset, Infinity)
  }

  /** The offset that the next record from the broker should have. */
  get next(): number {
    return this.nextOffset
  }

  /** Every existing record below is complete. */
  get mark(): number {
    return this.head < this.offsets.length ? this.offsets[this.head]! : this.nextOffset
  }

  /** Notes the record as handed out; false when it was completed before and is to be skipped. Below `next`: false. */
  deliver(offset: number): boolean {
    if (offset < this.nextOffset) return false
    // What was completed ahead and does not exist any more, as after retention, must not stand in a commit for other offsets.
    if (offset > this.nextOffset && this.ahead.length > 0) this.skipTo(offset)
    const isDone = this.ahead.length > 0 && this.takeAhead(offset)
    this.nextOffset = offset + 1
    this.offsets.push(offset)
    this.done.push(isDone)
    this.advance()
    if (this.offsets.length - this.head >= this.passedOnFrom) this.passOn()
    return !isDone
  }

  /** Nothing exists from here up to `offset` that was not delivered. */
  skipTo(offset: number): void {
    if (offset <= this.nextOffset) return
    this.nextOffset = offset
    this.ahead = within(this.ahead, offset, Infinity)
    this.version++
  }

  /** Idempotent; ignores what was not delivered. */
  complete(offset: number): void {
    const index = this.indexOf(offset)
    if (index < 0 || this.done[index]) return
    this.done[index] = true
    this.version++
    this.advance()
  }

  /** Gives back the incomplete records from `offset` on: they will be delivered again, the completed ones skipped. */
  rewind(offset: number): void {
    if (offset >= this.nextOffset) return
    // Below the mark everything is complete: there is nothing to give back.
    const from = Math.max(offset, this.mark)
    let end = this.offsets.length
    while (end > this.head && this.offsets[end - 1]! >= from) end--
    this.ahead = [...merged(within(this.passed, from, Infinity), this.singles(end)), ...this.ahead]
    this.passed = within(this.passed, 0, from)
    this.nextOffset = from
    this.offsets.length = end
    this.done.length = end
    this.version++
  }

  /** What is complete beyond the mark, ascending; the first `most` ranges or some more. */
  completedBeyond(most = Infinity): OffsetRange[] {
    const ranges = merged(this.passed, this.singles(this.head, most))
    if (ranges.length <= most) for (const { from, to } of this.ahead) append(ranges, from, to)
    return ranges
  }

  /** What is complete of `offsets` from this index on; when there are more than `most` ranges of it, the rest is left out. */
  private singles(from: number, most = Infinity): OffsetRange[] {
    const ranges: OffsetRange[] = []
    for (let i = from; i < this.offsets.length && ranges.length <= most; i++) {
      if (this.done[i]) append(ranges, this.offsets[i]!, this.offsets[i]! + 1)
    }
    return ranges
  }

  /** @returns whether it was completed before */
  private takeAhead(offset: number): boolean {
    const [first] = this.ahead
    if (!first || offset < first.from) return false
    first.from = offset + 1
    if (first.from === first.to) this.ahead.shift()
    return true
  }

  /** So seldom that it costs nothing for each record. */
  private passOn(): void {
    this.passed = merged(this.passed, this.singles(this.head))
    this.offsets = this.offsets.filter((_, i) => i >= this.head && !this.done[i])
    this.done = this.offsets.map(() => false)
    this.head = 0
    this.passedOnFrom = Math.max(this.mostSingle, 2 * this.offsets.length)
  }

  private advance(): void {
    const before = this.head
    while (this.head < this.done.length && this.done[this.head]) this.head++
    if (this.head > before) this.version++
    if (this.passed.length > 0 && this.passed[0]!.from < this.mark)
      this.passed = within(this.passed, this.mark, Infinity)
    // The complete front is cut off only now and then: cutting at each completion would copy the rest every time.
    if (this.head > 1_024 && this.head * 2 > this.offsets.length) {
      this.offsets = this.offsets.slice(this.head)
      this.done = this.done.slice(this.head)
      this.head = 0
    }
  }

  private indexOf(offset: number): number {
    let low = this.head
    let high = this.offsets.length - 1
    if (low > high) return -1
    // Offsets are nearly always dense, and then this is the place.
    const guess = low + offset - this.offsets[low]!
    if (this.offsets[guess] === offset && guess >= low) return guess
    while (low <= high) {
      const middle = (low + high) >>> 1
      const found = this.offsets[middle]!
      if (found === offset) return middle
      if (found < offset) low = middle + 1
      else high = middle - 1
    }
    return -1
  }
}

/** Adds a range that lies behind all of them; one that begins where the last one ends makes it longer. */
export function append(ranges: OffsetRange[], from: number, to: number): void {
  const last = ranges[ranges.length - 1]
  if (last && last.to === from) last.to = to
  else ranges.push({ from, to })
}

/** Of ascending ranges, those parts that lie in this one. */
function within(ranges: readonly OffsetRange[], from: number, to: number): OffsetRange[] {
  return ranges
    .filter((range) => range.to > from && range.from < to)
    .map((range) => ({ from: Math.max(range.from, from), to: Math.min(range.to, to) }))
}

/** Ascending ranges of two lists, none of which overlap. */
function merged(some: readonly OffsetRange[], others: readonly OffsetRange[]): OffsetRange[] {
  const all: OffsetRange[] = []
  let next = 0
  for (const { from, to } of others) {
    for (; next < some.length && some[next]!.from < from; next++) append(all, some[next]!.from, some[next]!.to)
    append(all, from, to)
  }
  for (; next < some.length; next++) append(all, some[next]!.from, some[next]!.to)
  return all
}
