import { type OffsetRange, append } from './offset-tracker.js'

/** The broker refuses a commit with more (offset.metadata.max.bytes). */
export const MAX_METADATA_BYTES = 4_096

/** Names the encoding, so that a later one can be told apart; what is not understood is read as nothing. */
const RANGES = 'beyond1:'
const BITS = 'beyond2:'
/** Before either, while it matters: up to which offset nobody knows from the group what is done. */
const PAST = /^past1:(\d{1,16}):/
const MAX_PAST_BYTES = 'past1::'.length + 16
const MAX_BINARY_BYTES = Math.floor(((MAX_METADATA_BYTES - MAX_PAST_BYTES - RANGES.length) * 3) / 4) - 2
/** So many offsets from the mark on can always be told apart, however many gaps are among them. */
const ALWAYS_NAMED = MAX_BINARY_BYTES * 8
/** More than this cannot be named in either way. */
export const MOST_RANGES = ALWAYS_NAMED / 2
/** A damaged text must not make us pass over billions of records: what is so far beyond the mark is not named. */
const MAX_SPAN = 10_000_000

/** What a commit says of the completed offsets beyond its own. */
export interface CompletedBeyond {
  text: string
  /** Nothing had to be left out: a new owner repeats none of them. */
  isWhole: boolean
}

/**
 * What is complete beyond the committed offset, as text for the commit: per range the gap before it and its length, or,
 * with too many gaps for that, a bit for each offset; whichever names more. What does not fit is left out, the farthest
 * first: it would be repeated after a crash, nothing worse.
 */
export function encodeCompletedBeyond(mark: number, ranges: readonly OffsetRange[]): CompletedBeyond {
  if (ranges.length === 0) return { text: '', isWhole: true }
  const bytes: number[] = []
  let at = mark
  let named = 0
  for (const { from, to } of ranges) {
    const size = bytes.length
    pushUnsigned(bytes, from - at)
    pushUnsigned(bytes, to - from)
    if (bytes.length > MAX_BINARY_BYTES || to - mark > MAX_SPAN) {
      bytes.length = size
      const bits = bitsOf(mark, ranges)
      if (bits.named <= named) return { text: textOf(RANGES, bytes), isWhole: false }
      return { text: textOf(BITS, bits.bytes), isWhole: bits.isWhole }
    }
    named += to - from
    at = to
  }
  return { text: textOf(RANGES, bytes), isWhole: true }
}

/**
 * Marks a commit of a partition whose offset was lost: records before `pastEnd` may be done although they are not
 * complete here. Each owner tells the next one, since the loss makes all members join, one after the other.
 */
export function markPast(pastEnd: number, text: string): string {
  return `past1:${pastEnd}:${text}`
}

/** Takes off what markPast put before a commit's text; 0 where there was none. */
export function readPast(metadata: string | null): { pastEnd: number; text: string | null } {
  const past = metadata === null ? null : PAST.exec(metadata)
  return past ? { pastEnd: Number(past[1]), text: metadata!.slice(past[0].length) } : { pastEnd: 0, text: metadata }
}

/** Reads back what encodeCompletedBeyond wrote for this mark; anything else gives no ranges. */
export function decodeCompletedBeyond(mark: number, metadata: string | null): OffsetRange[] {
  if (metadata?.startsWith(BITS)) return rangesOfBits(mark, bytesOf(metadata))
  if (!metadata?.startsWith(RANGES)) return []
  const numbers = readUnsigned(bytesOf(metadata))
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

function textOf(prefix: string, bytes: Uint8Array | number[]): string {
  return prefix + Buffer.from(bytes).toString('base64url')
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text.slice(RANGES.length), 'base64url')
}

function bitsOf(mark: number, ranges: readonly OffsetRange[]) {
  const bytes = new Uint8Array(MAX_BINARY_BYTES)
  let named = 0
  for (const { from, to } of ranges) {
    for (let bit = from - mark; bit < Math.min(to - mark, ALWAYS_NAMED); bit++) {
      bytes[bit >>> 3]! |= 1 << (bit & 7)
      named++
    }
  }
  return { bytes, named, isWhole: ranges.at(-1)!.to - mark <= ALWAYS_NAMED }
}

function rangesOfBits(mark: number, bytes: Uint8Array): OffsetRange[] {
  const ranges: OffsetRange[] = []
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    if (bytes[bit >>> 3]! & (1 << (bit & 7))) append(ranges, mark + bit, mark + bit + 1)
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
