import type { CommittedOffset, PartitionBounds } from '#kafka'

/** How far a group is in some partitions: of the records that they hold, how many it is done with. */
export interface ReadingProgress {
  done: number
  total: number
}

export function readingProgress(
  bounds: readonly PartitionBounds[],
  committed: readonly CommittedOffset[],
): ReadingProgress {
  const marks = new Map(committed.map(({ partition, offset }) => [partition, offset ?? 0]))
  let [done, total] = [0, 0]
  for (const { partition, first, end } of bounds) {
    total += end - first
    done += Math.min(end, Math.max(first, marks.get(partition) ?? 0)) - first
  }
  return { done, total }
}

export function isDone({ done, total }: ReadingProgress): boolean {
  return done === total
}

/** `1,200 of 40,000 records (3 %), 9,700/s, about 4 s left`. The rate is that of this run, `sinceMs` ago begun at `from`. */
export function progressText({ done, total }: ReadingProgress, from: number, sinceMs: number): string {
  const percent = total === 0 ? 100 : Math.floor((100 * done) / total)
  const rate = sinceMs > 0 ? (1_000 * (done - from)) / sinceMs : 0
  const text = `${count(done)} of ${count(total)} records (${percent} %)`
  if (rate < 1) return text
  return `${text}, ${count(Math.round(rate))}/s, ${timeLeft((total - done) / rate)}`
}

export function count(number: number): string {
  return number.toLocaleString('en-US')
}

function timeLeft(seconds: number): string {
  if (seconds < 90) return `about ${Math.ceil(seconds)} s left`
  return seconds < 5_400 ? `about ${Math.ceil(seconds / 60)} min left` : `about ${Math.ceil(seconds / 3_600)} h left`
}
