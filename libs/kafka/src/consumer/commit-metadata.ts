import type { OffsetRange } from './offset-tracker.js'

/** The broker refuses a commit with more (offset.metadata.max.bytes). */
export const MAX_METADATA_BYTES = 4_096

/** Names the encoding, so that a later one can be told apart; what is not understood is read as nothing. */
const PREFIX = 'beyond1:'
const MAX_BINARY_BYTES = Math.floor(((MAX_METADATA_BYTES - PREFIX.length) * 3) / 4) - 2
/** A damaged text must not make us hold billions of offsets: more than any partition can have in flight. */
const MAX_SPAN = 10_000_000

/**
 * What is complete beyond the committed offset, as text for the commit: per range the gap before it and its length.
 * Ranges that do not fit are left out, the farthest first: they would be repeated after a crash, nothing worse.
 */
export function encodeCompletedBeyond(mark: number, ranges: readonly OffsetRange[]): string {
  if (ranges.length === 0) return ''
  const bytes: number[] = []
  let at = mark
  for (const { from, to } of ranges) {
    const size = bytes.length
    pushUnsigned(bytes, from - at)
    pushUnsigned(bytes, to - from)
    if (bytes.length > MAX_BINARY_BYTES) {
      bytes.length = size
      break
    }
    at = to
  }
  return PREFIX + Buffer.from(bytes).toString('base64url')
}

/** Reads back what encodeCompletedBeyond wrote for this mark; anything else gives no ranges. */
export function decodeCompletedBeyond(mark: number, metadata: string | null): OffsetRange[] {
  if (!metadata?.startsWith(PREFIX)) return []
  const bytes = Buffer.from(metadata.slice(PREFIX.length), 'base64url')
  const numbers = readUnsigned(bytes)
  const ranges: OffsetRange[] = []
  let at = mark
  for (let i = 0; i + 1 < numbers.length; i += 2) {
    const from = at + numbers[i]!
    at = from + numbers[i + 1]!
    if (at - mark > MAX_SPAN) return []
    if (at > from) ranges.push({ from, to: at })
  }
  return ranges
}

function pushUnsigned(bytes: number[], value: number): void {
  while (value >= 0x80) {
    bytes.push((value % 0x80) | 0x80)
    value = Math.floor(value / 0x80)
  }
  bytes.push(value)
}

function readUnsigned(bytes: Uint8Array): number[] {
  const numbers: number[] = []
  let value = 0
  let weight = 1
  for (const byte of bytes) {
    value += (byte & 0x7f) * weight
    weight *= 0x80
    if (byte >= 0x80) continue
    numbers.push(value)
    value = 0
    weight = 1
  }
  return numbers
}
