/** Offsets from `from` up to, not including, `to`. */
export interface OffsetRange {
  from: number
  to: number
}

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
  /** Completed before, but still to be delivered again: after a restart or a rewind. They are skipped then. */
  private readonly completedAhead = new Set<number>()

  /** `next`: the offset expected from the broker first. `completed`: what the commit metadata named beyond it. */
  constructor(
    private nextOffset: number,
    completed: readonly OffsetRange[] = [],
  ) {
    for (const { from, to } of completed) {
      for (let offset = Math.max(from, nextOffset); offset < to; offset++) this.completedAhead.add(offset)
    }
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
    if (offset > this.nextOffset && this.completedAhead.size > 0) this.skipTo(offset)
    const isDone = this.completedAhead.delete(offset)
    this.nextOffset = offset + 1
    this.offsets.push(offset)
    this.done.push(isDone)
    this.advance()
    return !isDone
  }

  /** Nothing exists from here up to `offset` that was not delivered. */
  skipTo(offset: number): void {
    if (offset <= this.nextOffset) return
    this.nextOffset = offset
    for (const ahead of this.completedAhead) if (ahead < offset) this.completedAhead.delete(ahead)
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
    let end = this.offsets.length
    while (end > this.head && this.offsets[end - 1]! >= offset) {
      end--
      if (this.done[end]) this.completedAhead.add(this.offsets[end]!)
    }
    // Below the mark everything is complete: there is nothing to give back.
    this.nextOffset = Math.max(offset, this.mark)
    this.offsets.length = end
    this.done.length = end
    this.version++
  }

  /** What is complete beyond the mark, ascending; the first `most` ranges or some more. */
  completedBeyond(most = Infinity): OffsetRange[] {
    const ranges: OffsetRange[] = []
    for (let i = this.head; i < this.offsets.length; i++) {
      if (this.done[i]) extend(ranges, this.offsets[i]!)
      if (ranges.length > most) return ranges
    }
    for (const offset of [...this.completedAhead].sort((a, b) => a - b)) extend(ranges, offset)
    return ranges
  }

  private advance(): void {
    const before = this.head
    while (this.head < this.done.length && this.done[this.head]) this.head++
    if (this.head > before) this.version++
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

/** The offset is the next in them, or begins another one. */
export function extend(ranges: OffsetRange[], offset: number): void {
  const last = ranges[ranges.length - 1]
  if (last && last.to === offset) last.to++
  else ranges.push({ from: offset, to: offset + 1 })
}
