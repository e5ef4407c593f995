/** Bytes that a signed number takes as Kafka's zigzag varint (32 bits). */
export function varintBytes(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0
  if (zigzag < 0x80) return 1
  if (zigzag < 0x4000) return 2
  if (zigzag < 0x200000) return 3
  return zigzag < 0x10000000 ? 4 : 5
}

/** Writes a signed number (32 bits) as zigzag varint; returns the position after it. */
export function writeVarint(target: Uint8Array, value: number, at: number): number {
  let zigzag = ((value << 1) ^ (value >> 31)) >>> 0
  while (zigzag >= 0x80) {
    target[at++] = (zigzag & 0x7f) | 0x80
    zigzag >>>= 7
  }
  target[at++] = zigzag
  return at
}

/** Reads numbers one after the other; the caller knows that the bytes are there. */
export class VarintReader {
  constructor(
    readonly bytes: Buffer,
    public at: number,
  ) {}

  /** A zigzag varint of 32 bits. */
  varint(): number {
    let byte = this.bytes[this.at++]!
    let zigzag = byte & 0x7f
    for (let shift = 7; byte >= 0x80; shift += 7) {
      byte = this.bytes[this.at++]!
      zigzag |= (byte & 0x7f) << shift
    }
    return (zigzag >>> 1) ^ -(zigzag & 1)
  }

  /** A zigzag varint of 64 bits; exact up to 2^52, which is beyond every time stamp in milliseconds. */
  varlong(): number {
    let byte = this.bytes[this.at++]!
    let zigzag = byte & 0x7f
    for (let weight = 128; byte >= 0x80; weight *= 128) {
      byte = this.bytes[this.at++]!
      zigzag += (byte & 0x7f) * weight
    }
    return zigzag % 2 === 1 ? -(zigzag + 1) / 2 : zigzag / 2
  }

  /** UTF-8 text of this many bytes; empty for a null, which has the length -1. */
  text(length: number): string {
    if (length <= 0) return ''
    const start = this.at
    this.at += length
    return this.bytes.toString('utf8', start, this.at)
  }
}
